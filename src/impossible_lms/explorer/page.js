() => {
  if (window.explorer) return;
  window.explorer = true;
  const tokens = (place) => document.querySelectorAll(`button.t[data-place="${CSS.escape(place)}"]`);
  let pinned = null;
  const status = (text) => document.querySelectorAll(".status").forEach((each) => { each.textContent = text; });
  const first = "Point at a token, or reach it with Tab and the arrow keys, to see where it came from.";
  const unlink = () => document.querySelectorAll("button.t.linked").forEach((each) => each.classList.remove("linked"));
  const link = (token) => {
    unlink();
    if (token && token.dataset.place) tokens(token.dataset.place).forEach((each) => each.classList.add("linked"));
    status(token ? token.getAttribute("aria-label") : first);
  };
  const at = (event) => event.target.closest ? event.target.closest("button.t") : null;
  document.addEventListener("pointerover", (event) => { if (at(event)) link(at(event)); });
  document.addEventListener("pointerout", (event) => { if (at(event)) link(pinned); });
  document.addEventListener("focusin", (event) => { if (at(event)) link(at(event)); });
  document.addEventListener("focusout", (event) => { if (at(event)) link(pinned); });
  document.addEventListener("click", (event) => {
    const token = at(event);
    if (token && !token.dataset.ask) { pinned = pinned === token ? null : token; link(pinned || token); }
    const copy = event.target.closest && event.target.closest(".copy");
    if (copy) navigator.clipboard.writeText(copy.dataset.copy).then(
      () => status("Copied: " + copy.dataset.copy), () => status("This browser does not let pages copy."));
  });
  document.addEventListener("keydown", (event) => {
    const token = at(event);
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -1e9, End: 1e9 }[event.key];
    if (!token || !step) return;
    const all = [...token.parentElement.closest("[role=toolbar]").querySelectorAll("button.t")];
    const next = all[Math.max(0, Math.min(all.length - 1, all.indexOf(token) + step))];
    token.tabIndex = -1; next.tabIndex = 0; next.focus(); event.preventDefault();
  });
  // What is chosen goes into the address; what else is in it (the theme) stays.
  const show = (text) => {
    const query = new URLSearchParams(text);
    document.body.dataset.view = query.get("view") || "speak";
    for (const [name, value] of new URLSearchParams(location.search)) if (name.startsWith("__")) query.set(name, value);
    const said = query.toString();
    history.replaceState(history.state, "", location.pathname + (said ? "?" + said : "") + location.hash);
  };
  let told = null;
  new MutationObserver(() => {
    const each = document.querySelector("[data-query]");
    if (each && each.dataset.query !== told) { told = each.dataset.query; show(told); }
    document.querySelectorAll(".status:empty").forEach((line) => { line.textContent = first; });
  }).observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ["data-query"] });
  status(first);
}
