// The playground: buys a report, shows each answer as the browser got it, and pays through the module.

import { Refusal, call, paymentDialog } from "/assets/tollgate-402.js";

const shop = document.getElementById("playground");
const { gateway, path, key, price, currency } = shop.dataset;
const buy = document.getElementById("buy");
const news = document.getElementById("news");
const exchanges = document.getElementById("exchanges");
const headers = { authorization: `Bearer ${key}`, accept: "application/json" };

const money = (amount) => new Intl.NumberFormat("en", { style: "currency", currency }).format(Number(amount));

document.getElementById("price").textContent = money(price);
buy.textContent = `Buy for ${money(price)}`;
await showBalance();
buy.disabled = false;

buy.addEventListener("click", async () => {
  buy.disabled = true;
  exchanges.replaceChildren();
  try {
    // The pages that end a refusal are on this page's own origin, whatever name it was opened under.
    const rewrite = (url) => url.replace(/^https?:\/\/[^/]+(?=\/r\/)/, location.origin);
    const onPaymentRequired = paymentDialog({ rewrite, fetch: paid });
    await call(gateway + path, { headers }, { fetch: shown, onPaymentRequired });
    news.textContent = "Served. The price was taken from the balance.";
  } catch (error) {
    news.textContent = error instanceof Refusal ? `Refused: ${error.message}` : "The gateway could not be reached.";
    if (error instanceof Refusal && error.retryAfter !== null) news.textContent += ` Wait ${error.retryAfter} seconds.`;
  }
  await showBalance();
  buy.disabled = false;
  buy.focus();
});

async function showBalance() {
  const balance = document.getElementById("balance");
  try {
    const answer = await fetch(`${gateway}/tollgate/v1/standing`, { headers });
    balance.textContent = money((await answer.json()).balance.available);
  } catch {
    balance.textContent = "unknown";
  }
}

/** Talks to the portal; what was paid is in the balance at once. */
async function paid(input, init) {
  const answer = await fetch(input, init);
  if (init.method === "POST") await showBalance();
  return answer;
}

/** Sends a request, and puts it on the page with its answer. */
async function shown(input, init) {
  const answer = await fetch(input, init);
  const body = await answer.clone().text();
  const fields = [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
  const card = document.createElement("section");
  card.className = "card exchange";
  card.append(
    text("h2", `${answer.status} ${answer.status === 402 ? "Payment Required" : answer.statusText}`, answer.ok ? "good" : "bad"),
    text("p", `GET ${path}`, "note"),
    text("h3", "Headers that the page may read"),
    code(fields),
    text("h3", "Body"),
    code(pretty(body)),
  );
  exchanges.prepend(card);
  await showBalance();
  return answer;
}

function text(name, content, className = "") {
  return Object.assign(document.createElement(name), { textContent: content, className });
}

function code(content) {
  const block = document.createElement("pre");
  block.tabIndex = 0;
  block.append(text("code", content));
  return block;
}

function pretty(body) {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}
