"""Latencies of the explorer, from a changed sentence to its answer, in Chromium and from the server.

`python -m benchmarks.explorer [RUN ...]`: with runs, of Listen too. Each user types another sentence as soon as the one
before is answered, for so many seconds. One is a page in Chromium; twenty such would measure Chromium, so they ask the
server what a page asks it, each in a session of its own, and an answer that is none ends it.
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
    const query = document.querySelector(".answer[data-query]");
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


def said(number: int, turn: int) -> str:
    """A sentence that no one has said before."""
    noun, other = NOUNS[(number + turn) % 8], NOUNS[(number * 3 + turn // 8) % 8]
    return f"The {noun} sees the {other} and sleeps {number} {turn}."


async def in_browser(url: str, seconds: float, pages: int) -> tuple[dict[str, Any], tuple[str, dict[str, Any]]]:
    """What so many users in Chromium, a page each, wait for; and what a page asked the server for the last answer."""
    from playwright.async_api import async_playwright

    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        sys.exit("needs chromium")
    clock = asyncio.get_running_loop().time
    posted: list[tuple[str, dict[str, Any]]] = []

    async def user(number: int, browser: Any) -> tuple[float, list[float]]:
        page, start = await browser.new_page(), clock()
        page.on("request", lambda one: posted.append((one.url, one.post_data_json)) if one.method == "POST" else None)
        await page.goto(url, timeout=300_000)
        await page.wait_for_selector(".language, .scored", timeout=300_000)
        first = 1000 * (clock() - start)
        await page.wait_for_timeout(2000)
        found, end, turn = [], clock() + seconds, 0
        while clock() < end:
            turn += 1
            found.append(await page.evaluate(TYPED, said(99 + number, turn)))
        return first, found[1:]

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        results = await asyncio.gather(*(user(number, browser) for number in range(pages)))
        await browser.close()
    first = max(each for each, _ in results)
    return {**summary([each for _, found in results for each in found]), "page_ms": round(first)}, posted[-1]


async def at_once(asked: tuple[str, dict[str, Any]], users: int, seconds: float) -> dict[str, Any]:
    """What so many users wait for the server, each in a session of its own, asking as the page does."""
    import httpx

    async def user(number: int, client: httpx.AsyncClient) -> list[float]:
        url, asks = asked
        found, end, turn = [], clock() + seconds, 0
        while clock() < end:
            turn += 1
            text, start = said(number, turn), clock()
            data = {**asks["data"], "values": [text, *asks["data"]["values"][1:]]}
            answer = await client.post(url, json={**asks, "session_hash": f"user{number}", "data": data})
            found.append(1000 * (clock() - start))
            answer.raise_for_status()
            if f"sleeps {number} {turn}" not in answer.text.replace("+", " "):
                sys.exit(f"not an answer to {text}: {answer.text[:300]}")
        return found

    clock = asyncio.get_running_loop().time
    async with httpx.AsyncClient(timeout=120) as client:
        results = await asyncio.gather(*(user(number, client) for number in range(users)))
    return summary([each for found in results for each in found])


def summary(milliseconds: list[float]) -> dict[str, Any]:
    """Of latencies, how many there are, their median and the 95th percentile."""
    half, most = np.quantile(milliseconds, [0.5, 0.95])
    return {"answers": len(milliseconds), "median_ms": round(float(half), 1), "p95_ms": round(float(most), 1)}


def main() -> None:
    """Print one line a view and number of users."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="*")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--users", type=int, nargs="*", default=[1, 20], help="that ask the server")
    parser.add_argument("--pages", type=int, nargs="+", default=[1], help="in Chromium, all on this machine")
    asked = parser.parse_args()
    page, url = launch(given(asked.runs))
    machine = f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    print(json.dumps({"machine": machine, "python": platform.python_version()}))
    for view in ("speak", *(["listen"] if asked.runs else [])):
        for pages in asked.pages:
            seen, requests = asyncio.run(in_browser(f"{url}?view={view}", asked.seconds, pages))
            print(json.dumps({"view": view, "seen in": "Chromium", "users": pages, **seen}), flush=True)
        for users in asked.users:
            found = asyncio.run(at_once(requests, users, asked.seconds))
            print(json.dumps({"view": view, "seen in": "server", "users": users, **found}), flush=True)
    page.close(verbose=False)


if __name__ == "__main__":
    main()
