// What every page is held to: no accessibility fault that axe finds, and no scrolling sideways.

import AxeBuilder from "@axe-core/playwright";
import { expect } from "@playwright/test";

export const looks = [
  { name: "light", use: { colorScheme: "light", viewport: { width: 1200, height: 900 } } },
  { name: "dark", use: { colorScheme: "dark", viewport: { width: 1200, height: 900 } } },
  { name: "narrow", use: { colorScheme: "light", viewport: { width: 375, height: 812 } } },
];

export async function check(page) {
  // A new address shows before its style sheet has come. Callers have seen that it is the new one.
  await page.waitForLoadState("load");
  await page.evaluate(() => document.querySelectorAll("details").forEach((fold) => (fold.open = true)));
  const found = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]).analyze();
  expect(found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target).join(" ")}`)).toEqual([]);
  const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(wider, "the page scrolls sideways").toBeLessThanOrEqual(0);
}
