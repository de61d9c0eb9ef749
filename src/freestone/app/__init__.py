"""Services, placed: the application file, the plan of a topology, and the host that runs one process of it."""

from .address import from_here, http_address, http_url, replica_address
from .app import App, ExternalSpec, GatewaySpec, ServiceSpec
from .config import settings_of, variable_name
from .connect import connect
from .control import CONTROL, Control, ProcessStatus
from .entrance import Entrance, Opened
from .file import FILE_NAME, HOME_NAME, ApplicationFile, find, read
from .host import Host
from .lifecycle import StartError
from .linker import load
from .local import Local, Near, local
from .plan import ExternalRoute, LocalRoute, PeerRoute, Plan, ProcessPlan, Route, cut_everywhere, monolith, place, plan
from .reference import BadReference, follow, make_importable
from .rendering import describe, render
from .topology import CUT_EVERYWHERE, NAME, NAME_RULE, Process, Topology

__all__ = [
    "CONTROL",
    "CUT_EVERYWHERE",
    "FILE_NAME",
    "HOME_NAME",
    "NAME",
    "NAME_RULE",
    "App",
    "ApplicationFile",
    "BadReference",
    "Control",
    "Entrance",
    "ExternalRoute",
    "ExternalSpec",
    "GatewaySpec",
    "Host",
    "Local",
    "LocalRoute",
    "Near",
    "Opened",
    "PeerRoute",
    "Plan",
    "Process",
    "ProcessPlan",
    "ProcessStatus",
    "Route",
    "ServiceSpec",
    "StartError",
    "Topology",
    "connect",
    "cut_everywhere",
    "describe",
    "find",
    "follow",
    "from_here",
    "http_address",
    "http_url",
    "load",
    "local",
    "make_importable",
    "monolith",
    "place",
    "plan",
    "read",
    "render",
    "replica_address",
    "settings_of",
    "variable_name",
]
