// What Gradio's components lack for keyboards and screen readers. They are made when their tab is first seen, and anew
// when their choices change: whenever anything on the page is.
const reach = () => {
  // One group is one stop of Tab, with arrows inside, as soon as its buttons share a name.
  document.querySelectorAll("fieldset").forEach((group) => {
    const name = group.querySelector("[data-testid=block-info]")?.textContent.trim() ?? "";
    group.setAttribute("role", "radiogroup");
    group.setAttribute("aria-label", name);
    group.querySelectorAll("input[type=radio]").forEach((each) => { each.name = name; });
  });
  document.querySelectorAll("textarea").forEach((each) => { each.dir = "auto"; });
  // A list that scrolls would be a stop of its own, on which it closes and takes the focus with it.
  document.querySelectorAll("[role=listbox]").forEach((each) => { each.tabIndex = -1; });
  const front = document.querySelector("[role=tab][aria-selected=true]")?.textContent.trim() ?? "";
  document.querySelectorAll("[role=tabpanel]").forEach((each) => each.setAttribute("aria-label", front));  // one is seen
  document.querySelectorAll(".label-wrap").forEach((each) => {
    each.setAttribute("aria-expanded", String(each.classList.contains("open")));
    each.querySelector(".icon")?.setAttribute("aria-hidden", "true");
  });
};
const watched = { childList: true, subtree: true, attributes: true, attributeFilter: ["class", "aria-selected"] };
new MutationObserver(reach).observe(document.querySelector("main"), watched);
reach();

// What is chosen from a list takes the focus away from it: it is put back, and the list stays shut.
document.addEventListener("keydown", (event) => {
  const box = event.target.closest?.("[role=combobox]"), tab = event.target.closest?.("[role=tab]");
  if (box && event.key === "Enter") setTimeout(() => {
    if (document.activeElement !== document.body) return;
    box.focus();
    box.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
  });
  const step = { ArrowRight: 1, ArrowLeft: -1, Home: -1e9, End: 1e9 }[event.key];
  if (!tab || !step) return;
  const all = [...tab.parentElement.querySelectorAll("[role=tab]")];
  const next = all[Math.max(0, Math.min(all.length - 1, all.indexOf(tab) + step))];
  next.focus();
  next.click();
  event.preventDefault();
});
