// The playground as a visitor uses it: $0.00, a real 402, a declined card, a paid one, the report.
//
//     node playground.mjs CONTROL_URL [SCREENSHOT_FOLDER]
//
// Prints what was seen as one line of JSON.

import { chromium } from "playwright-core";

const [control, folder] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
const page = await browser.newPage({ viewport: { width: 1000, height: 720 } });
const seen = { complaints: [], answers: [] };
page.on("console", (message) => {
  // The browser itself reports every 402 as an error: that is what the page is about.
  if (message.type() === "error" && !message.text().includes("402")) seen.complaints.push(message.text());
});
page.on("pageerror", (error) => seen.complaints.push(String(error)));
page.on("response", (response) => {
  if (new URL(response.url()).pathname === "/rest/report" && response.request().method() === "GET") {
    seen.answers.push(response.status());
  }
});
const shot = (name) => folder && page.screenshot({ path: `${folder}/${name}.png`, fullPage: false });
const balance = () => page.textContent("#balance");
const press = (name) => page.getByRole("button", { name }).or(page.getByRole("link", { name })).first().click();

await page.goto(`${control}/playground`);
await page.waitForFunction(() => document.querySelector("#buy:enabled"));
seen.before = await balance();
await page.click("#buy");
await page.waitForSelector("dialog[open]");
seen.title = await page.getAttribute("dialog", "aria-label");
await shot("refused");
await press(/^Add at least/);
const card = async (text) => {
  const option = page.locator("dialog select option", { hasText: text }).first();
  await page.selectOption("dialog select", await option.getAttribute("value"));
};
await page.waitForSelector("dialog select");
await card(/insufficient funds/);
await page.locator("dialog [type=submit]").click();
seen.declined = await page.textContent("dialog [role=alert]");
await shot("declined");
await card(/pays$/);
await page.locator("dialog [type=submit]").click();
await press(/Send the request again/);
await page.waitForFunction(() => document.querySelector("#news").textContent.includes("Served"));
await page.waitForFunction(() => document.querySelector("#buy:enabled"));
seen.after = await balance();
seen.news = await page.textContent("#news");
await shot("served");
await browser.close();
process.stdout.write(`${JSON.stringify(seen)}\n`);
