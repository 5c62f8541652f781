"""Latencies of the explorer in Chromium: from a changed sentence to its answer on the page, at one and twenty users.

`python benchmarks/explorer.py [RUN ...]`: with runs, of Listen too. Each user types another sentence as soon as the one
before is answered, for so many seconds. All users are pages of one browser on the same machine.
"""

import argparse
import asyncio
import json
import os
import platform
import shutil
import sys
from typing import Any

import numpy as np

from impossible_lms.explorer.given import given
from impossible_lms.explorer.serve import launch

# Resolves to milliseconds once the page's answer to a sentence is there: every view shows it in its address.
TYPED = """(text) => new Promise((done, fail) => {
  const box = document.querySelector("#sentence textarea"), start = performance.now();
  const end = setTimeout(() => fail(new Error("no answer in 60 s")), 60000);
  const seen = () => {
    const query = document.querySelector("[data-query]");
    if (!query || new URLSearchParams(query.dataset.query).get("s") !== text) return;
    watch.disconnect(); clearTimeout(end);
    document.querySelector(".fault") ? fail(new Error(document.querySelector(".fault").textContent))
      : done(performance.now() - start);
  };
  const watch = new MutationObserver(seen);
  watch.observe(document.body, { childList: true, subtree: true, attributes: true });
  Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set.call(box, text);
  box.dispatchEvent(new Event("input", { bubbles: true }));
})"""
NOUNS = ("dog", "cat", "girl", "teacher", "house", "book", "king", "bird")


async def user(
    browser: Any, url: str, number: int, seconds: float, ready: asyncio.Barrier
) -> tuple[float, list[float]]:
    """One user: milliseconds to the first sight of the page, and to each answer."""
    context = await browser.new_context()
    page = await context.new_page()
    clock = asyncio.get_running_loop().time
    start = clock()
    await page.goto(url, timeout=300_000)
    await page.wait_for_selector(".language, .heard", timeout=300_000)
    first = 1000 * (clock() - start)
    await ready.wait()
    found, end, turn = [], clock() + seconds, 0
    while clock() < end:
        turn += 1
        noun, other = NOUNS[(number + turn) % 8], NOUNS[(number * 3 + turn // 8) % 8]
        found.append(await page.evaluate(TYPED, f"The {noun} sees the {other} and sleeps {number} {turn}."))
    await context.close()
    return first, found


async def measured(url: str, users: int, seconds: float) -> dict[str, Any]:
    """The latencies of so many users at once."""
    from playwright.async_api import async_playwright

    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        sys.exit("needs chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        ready = asyncio.Barrier(users)
        results = await asyncio.gather(*(user(browser, url, number, seconds, ready) for number in range(users)))
        await browser.close()
    every = np.concatenate([found[1:] for _, found in results])
    return {
        "users": users,
        "answers": len(every),
        "median_ms": round(float(np.median(every)), 1),
        "p95_ms": round(float(np.quantile(every, 0.95)), 1),
        "page_ms": round(float(np.median([first for first, _ in results]))),
    }


def main() -> None:
    """Print one line a view and number of users."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="*")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--users", type=int, nargs="*", default=[1, 20])
    asked = parser.parse_args()
    page, url = launch(given(asked.runs))
    machine = f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    print(json.dumps({"machine": machine, "python": platform.python_version()}))
    for view in ("speak", *(["listen"] if asked.runs else [])):
        for users in asked.users:
            print(json.dumps({"view": view, **asyncio.run(measured(f"{url}?view={view}", users, asked.seconds))}))
    page.close(verbose=False)


if __name__ == "__main__":
    main()
