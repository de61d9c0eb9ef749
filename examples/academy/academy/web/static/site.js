// What a page does beyond plain HTML. Everything here has a form behind it that works without.

// The switch between light and dark takes effect at once; the cookie is the one that the server reads.
document.addEventListener("submit", (event) => {
  const form = event.target.closest("[data-appearance]");
  if (!form) return;
  event.preventDefault();
  const theme = event.submitter.value;
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `academy_theme=${theme}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
  document.documentElement.dataset.theme = theme;
  form.querySelector(`button:not([value="${theme}"])`).focus();
});

// "/" leads to the search box, as on many sites; not while something is typed, and not with a modifier.
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.target.closest("input, textarea, select, [contenteditable]")) return;
  const box = [...document.querySelectorAll("[data-search]")].find((it) => it.checkVisibility());
  if (!box) return;
  event.preventDefault();
  box.focus();
  box.select();
});

// An old error is gone as soon as something else is tried.
document.addEventListener("htmx:beforeRequest", () => {
  document.getElementById("alert").replaceChildren();
});

// No answer at all: the visitor must hear that nobody knows whether it was saved.
document.addEventListener("htmx:sendError", () => {
  const lost = document.getElementById("connection-lost");
  document.getElementById("alert").replaceChildren(lost.content.cloneNode(true));
});
