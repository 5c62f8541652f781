// Runs once, when the component that shows everything is there: `element` is its, `server.asked` asks the server.
const shown = element.querySelector(".answer");
const line = element.querySelector(".status");
const HINT = "Point at a token, or reach it with Tab and the arrow keys, to see where it came from.";
const hint = () => (shown.querySelector("button.t:not(.plain .t)") ? HINT : "");
const status = (text) => { line.textContent = text; };

// The line is for the eye: what a screen reader reads of it is the label of the token that has the focus. It is told
// what else happens: of answers their summary, once none has come for a while, so that typing is not talked over.
const voice = element.querySelector("[role=status]");
const PAUSE = 700;  // milliseconds
let speaking = 0;
const tellAll = (text) => { status(text); announce(text); };
const announce = (text, pause = 0) => {
  clearTimeout(speaking);
  speaking = setTimeout(() => { voice.textContent = text; }, pause);
};

// Asking: one question at a time, and after it, if anything was chosen meanwhile, the next with all of that.
const PATIENCE = 300;  // milliseconds until the page says that it works
let kept = null, values = [], asks = [], answered = "", is_busy = false;
const tell = (now, ask) => {
  values = now;
  if (!kept) return;  // components speak up while they are made, before the address is read
  if (ask) asks.push(ask);
  send();
};
const begin = (now) => {
  kept = Object.fromEntries(new URLSearchParams(location.search));
  values = now;
  send(true);
};
const send = async (begins = false) => {
  const these = JSON.stringify(values);
  if (is_busy || (these === answered && !asks.length)) return;
  const asked = { kept, values, asks, begins };
  const late = setTimeout(() => {
    shown.setAttribute("aria-busy", "true");
    if (asked.asks.some((each) => each.startsWith("view="))) shown.replaceChildren();
    tellAll("Working …");
  }, PATIENCE);
  [is_busy, answered, asks] = [true, these, []];
  try {
    const answer = await server.asked(asked);
    kept = answer.kept;
    show(answer);
    const token = document.activeElement.closest("button.t");
    token ? link(token) : status(hint());
    announce(shown.querySelector(".summary")?.innerText ?? "", PAUSE);  // what is wrong is an alert by itself
    if (asked.asks.some((each) => each.startsWith("contrast="))) lead(shown.querySelector("#carriers"));
  } catch (error) {
    tellAll("The explorer does not answer. Is its command still running? Then load this page again.");
  }
  clearTimeout(late);
  shown.removeAttribute("aria-busy");
  is_busy = false;
  send();
};

// Showing: where the keyboard was, it is again; what is chosen goes into the address, and what else is in it stays.
const STOPS = "button, a, [tabindex]";
let missing = { query: "", html: "" };  // what is not there of the address that was opened, as long as nothing is chosen anew
const show = (answer) => {
  if (answer.missing) missing = { query: answer.query, html: answer.missing };
  const at = [...shown.querySelectorAll(STOPS)].indexOf(document.activeElement);
  pinned = null;
  shown.innerHTML = (missing.query === answer.query ? missing.html : "") + answer.html;
  shown.querySelectorAll("[role=toolbar]").forEach(label);
  if (at >= 0) [...shown.querySelectorAll(STOPS)].slice(0, at + 1).pop()?.focus({ preventScroll: true });
  const query = new URLSearchParams(answer.query);
  document.body.dataset.view = query.get("view") || "speak";
  for (const [name, value] of new URLSearchParams(location.search)) if (name.startsWith("__")) query.set(name, value);
  const said = query.toString();
  history.replaceState(history.state, "", location.pathname + (said ? "?" + said : "") + location.hash);
  shown.dataset.query = answer.query;
};

// What a click led to, below what was clicked: there the page goes, and the keyboard.
const lead = (heading) => {
  heading?.focus({ preventScroll: true });
  heading?.scrollIntoView();
};

// Tokens: one of a row is reached by Tab, the others by arrows; each says where it came from.
const label = (bar) => {
  const what = bar.closest(".words") ? "word" : "token", bits = bar.classList.contains("bars");
  const all = bar.querySelectorAll("button.t");
  all.forEach((token, number) => {
    const has = (name) => token.classList.contains(name);
    const shows = [...token.childNodes].find((each) => each.nodeType === Node.TEXT_NODE).data;
    const text = shows.replaceAll("␣", " blank ").replaceAll("↵", " line break ").replaceAll("⇥", " tab ").trim();
    const place = token.dataset.place;
    const came = has("marker") ? ": a marker" : has("end") ? " of the sentence" : place ? `: ${what} ${place} of the sentence`
      : has("new") ? ": not in the sentence before" : "";
    const costs = bits ? `; ${token.querySelector("small").textContent} bits` : "";
    token.setAttribute("aria-label", `${text}${came}, here ${number + 1} of ${all.length}${costs}`);
    token.tabIndex = number ? -1 : 0;
  });
};
const tokens = (place) => document.querySelectorAll(`button.t[data-place="${CSS.escape(place)}"]`);
let pinned = null;
const link = (token) => {
  document.querySelectorAll("button.t.linked").forEach((each) => each.classList.remove("linked"));
  if (token && token.dataset.place) tokens(token.dataset.place).forEach((each) => each.classList.add("linked"));
  status(token ? token.getAttribute("aria-label") : hint());
};
const at = (event) => event.target.closest?.("button.t");
shown.addEventListener("pointerover", (event) => { if (at(event)) link(at(event)); });
shown.addEventListener("pointerout", (event) => { if (at(event)) link(pinned); });
shown.addEventListener("focusin", (event) => {
  const token = at(event);
  if (!token) return;
  token.closest("[role=toolbar]").querySelectorAll("[tabindex='0']").forEach((each) => { each.tabIndex = -1; });
  token.tabIndex = 0;
  link(token);
});
shown.addEventListener("focusout", (event) => { if (at(event)) link(pinned); });
shown.addEventListener("click", (event) => {
  const asked = event.target.closest("[data-ask]"), token = at(event), copy = event.target.closest(".copy");
  if (asked) { asks.push(asked.dataset.ask); send(); }
  else if (token) {
    pinned?.removeAttribute("aria-pressed");
    pinned = pinned === token ? null : token;
    pinned?.setAttribute("aria-pressed", "true");
    link(pinned || token);
  }
  if (copy) navigator.clipboard.writeText(copy.dataset.copy).then(
    () => tellAll("Copied: " + copy.dataset.copy), () => tellAll("This browser does not let pages copy."));
});
shown.addEventListener("keydown", (event) => {
  const token = at(event), row = token?.closest("[role=toolbar]");
  const along = row && getComputedStyle(row).direction === "rtl" ? -1 : 1;
  const step = { ArrowRight: along, ArrowLeft: -along, Home: -1e9, End: 1e9 }[event.key];
  if (!token || !step) return;
  const all = [...row.querySelectorAll("button.t")];
  all[Math.max(0, Math.min(all.length - 1, all.indexOf(token) + step))].focus();
  event.preventDefault();
});
window.explorer = { tell, begin };
if (window.begins) begin(window.begins);
