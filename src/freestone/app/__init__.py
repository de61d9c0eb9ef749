"""Services, placed: the application file, the plan of a topology, and the host that runs one process of it."""

from .address import from_here, http_address, http_url, replica_address
from .app import App, ExternalSpec, GatewaySpec, ServiceSpec
from .collector import settle
from .config import settings_of, variable_name
from .connect import CLIENT, connect
from .control import CONTROL, Control, ProcessStatus
from .data import DataUrls, variables_of
from .databases import databases, owns_database
from .document import Document, Table
from .entrance import Entrance, Opened
from .environment import Environment
from .file import FILE_NAME, HOME_NAME, ApplicationFile, find, read, refuse
from .host import Host
from .interposer import Interposer
from .leases import LeaseSettings
from .lifecycle import StartError
from .linker import load, load_process
from .local import Local, Near, local
from .outline import Outline
from .plan import ExternalRoute, LocalRoute, PeerRoute, Plan, ProcessPlan, Route, cut_everywhere, monolith, place, plan
from .reach import Tls
from .reference import BadReference, follow, make_importable
from .rendering import describe, render
from .topology import CUT_EVERYWHERE, NAME, NAME_RULE, Process, Topology

__all__ = [
    "CLIENT",
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
    "DataUrls",
    "Document",
    "Entrance",
    "Environment",
    "ExternalRoute",
    "ExternalSpec",
    "GatewaySpec",
    "Host",
    "Interposer",
    "LeaseSettings",
    "Local",
    "LocalRoute",
    "Near",
    "Opened",
    "Outline",
    "PeerRoute",
    "Plan",
    "Process",
    "ProcessPlan",
    "ProcessStatus",
    "Route",
    "ServiceSpec",
    "StartError",
    "Table",
    "Tls",
    "Topology",
    "connect",
    "cut_everywhere",
    "databases",
    "describe",
    "find",
    "follow",
    "from_here",
    "http_address",
    "http_url",
    "load",
    "load_process",
    "local",
    "make_importable",
    "monolith",
    "owns_database",
    "place",
    "plan",
    "read",
    "refuse",
    "render",
    "replica_address",
    "settings_of",
    "settle",
    "variable_name",
    "variables_of",
]
