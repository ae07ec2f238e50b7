// What every page is held to, in light, in dark and on a narrow screen: no accessibility fault that
// axe finds, and no scrolling sideways.

import axe from "axe-core";
import { expect } from "@playwright/test";

const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
// The rules that look at colours. They alone can find in dark what they did not find in light: no
// markup and no place depends on the colour scheme.
const colours = ["color-contrast", "link-in-text-block"];
const looks = [
  { name: "light", colorScheme: "light", width: 1200, height: 900, run: { type: "tag", values: tags } },
  { name: "dark", colorScheme: "dark", width: 1200, height: 900, run: { type: "rule", values: colours } },
  { name: "narrow", colorScheme: "light", width: 375, height: 812, run: { type: "tag", values: tags } },
];

// Flows that are checked on their way are gone through on a narrow screen, where controls are hardest to reach.
export const narrow = { viewport: { width: 375, height: 812 } };

export async function check(page) {
  // A new address shows before its style sheet has come. Callers have seen that it is the new one.
  await page.waitForLoadState("load");
  const before = page.viewportSize();
  await page.evaluate(() => document.querySelectorAll("details").forEach((fold) => (fold.open = true)));
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axe.source);
  for (const { name, colorScheme, width, height, run } of looks) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height });
    const { faults, wider } = await page.evaluate(async (runOnly) => {
      // What passes is not told apart node by node: on a long page that takes most of the time.
      const { violations } = await window.axe.run(document, { runOnly, resultTypes: ["violations"] });
      const faults = violations.map((it) => `${it.id}: ${it.nodes.map((node) => node.target).join(" ")}`);
      return { faults, wider: document.documentElement.scrollWidth - innerWidth };
    }, run);
    expect(faults, name).toEqual([]);
    expect(wider, `${name}: the page scrolls sideways`).toBeLessThanOrEqual(0);
  }
  await page.emulateMedia({ colorScheme: null });
  await page.setViewportSize(before);
}
