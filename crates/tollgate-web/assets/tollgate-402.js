/**
 * Calls an API behind Tollgate, and ends refusals with the person at the screen.
 *
 *     import { call, paymentDialog } from "https://portal.example.com/assets/tollgate-402.js";
 *     const answer = await call("https://api.example.com/report", { headers }, {
 *       onPaymentRequired: paymentDialog({ key }),
 *     });
 *
 * A request that is refused with 402 is shown to `onPaymentRequired`; when that says so, it is sent once
 * more. Every other refusal becomes a `Refusal`, with its reason and how long to wait. No dependencies.
 *
 * @module tollgate-402
 */

/**
 * A way out of a refusal, as the gateway offers it. The first one of a refusal is the best.
 * @typedef {object} Action
 * @property {string} id     `top_up`, `upgrade`, `wait`, ...
 * @property {string} title  The words for a button.
 * @property {string} [url]  The page that does it, if there is one.
 * @property {string[]} who  Who can: `caller`, `owner`, `billing`, `operator`.
 */

/**
 * The body of a refusal (RFC 9457). Members are only ever added.
 * @typedef {object} Problem
 * @property {string} reason      The stable code, for example `insufficient_balance`.
 * @property {string} title       A few words.
 * @property {string} detail      A sentence or two, for a person.
 * @property {number} status      The HTTP status.
 * @property {string} request_id  What support asks for.
 * @property {string} [instance]  The page about this request.
 * @property {Action[]} [actions] The ways out, the best first.
 * @property {{when: string, at: ?string}} [retry] Whether and when repeating helps.
 */

/** A request that was refused and not ended. */
export class Refusal extends Error {
  /**
   * @param {Problem} problem
   * @param {Response} response Its body is still unread.
   */
  constructor(problem, response) {
    super(problem.detail || problem.title || `HTTP ${response.status}`);
    this.name = "Refusal";
    /** The HTTP status. */
    this.status = response.status;
    /** The stable code, for example `rate_limited`. @type {string} */
    this.reason = problem.reason;
    /** What the gateway said. @type {Problem} */
    this.problem = problem;
    /** The answer itself. @type {Response} */
    this.response = response;
    /** How many seconds to wait before repeating helps, or `null`. @type {?number} */
    this.retryAfter = secondsToWait(response);
  }
}

/**
 * Decides about a refusal with 402: ends it, perhaps with the person's help, and says how to go on.
 * @callback OnPaymentRequired
 * @param {Problem} problem
 * @param {Response} response The answer; its body is still unread.
 * @returns {Promise<"retry" | "give up">}
 */

/**
 * Sends a request as `fetch` does.
 *
 * @param {RequestInfo | URL} input What `fetch` takes. The body must be one that can be sent twice.
 * @param {RequestInit} [init]
 * @param {object} [options]
 * @param {typeof fetch} [options.fetch] Sends the request; the browser's own if absent.
 * @param {OnPaymentRequired} [options.onPaymentRequired] Nothing is repeated if absent.
 * @param {number} [options.attemptsMax] How often it is sent at most; 3 if absent.
 * @returns {Promise<Response>} An answer that is no refusal of the gateway. Errors of the API itself are
 *   answers.
 * @throws {Refusal} If the gateway refuses it and that is not ended.
 */
export async function call(input, init, options = {}) {
  const send = options.fetch ?? globalThis.fetch.bind(globalThis);
  for (let left = options.attemptsMax ?? 3; ; left -= 1) {
    const response = await send(input instanceof Request ? input.clone() : input, init);
    const problem = await problemOf(response);
    if (problem === null) return response;
    const isPayment = response.status === 402 && options.onPaymentRequired !== undefined;
    if (!isPayment || left <= 1) throw new Refusal(problem, response);
    if ((await options.onPaymentRequired(problem, response)) !== "retry") throw new Refusal(problem, response);
  }
}

/**
 * What the gateway said in a refusal, in whichever dialect; `null` if `response` is none of its refusals.
 * @param {Response} response Its body stays unread.
 * @returns {Promise<?Problem>}
 */
export async function problemOf(response) {
  if (response.ok || !(response.headers.get("content-type") ?? "").includes("json")) return null;
  try {
    const body = await response.clone().json();
    const problem = body.problem ?? body;
    return typeof problem.reason === "string" && Array.isArray(problem.actions) ? problem : null;
  } catch {
    return null;
  }
}

/**
 * How many seconds `Retry-After` asks to wait; `null` if it does not.
 * @param {Response} response
 * @returns {?number}
 */
export function secondsToWait(response) {
  const value = response.headers.get("retry-after");
  if (value === null) return null;
  const seconds = /^\d+$/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, Math.ceil(seconds)) : null;
}

/**
 * What a page asks before it ends a refusal.
 * @typedef {object} Sheet
 * @property {string} title
 * @property {string[]} text
 * @property {string[]} [code]  Lines that a program sends.
 * @property {object[]} fields  `choice` (with `options`), `amount` and `text` fields.
 * @property {{on_file?: string, test_cards: {number: string, does: string}[], card_expires: string}} [payment]
 * @property {string} [button]  Without one there is nothing to do.
 * @property {string} [token]   Goes back with the fields; what it names is done once.
 */

/** Something that a page did not do: `message` says why, for a person. */
export class NotDone extends Error {
  /** @param {{detail?: string, field?: string, code?: string, sheet?: Sheet}} problem */
  constructor(problem) {
    super(problem.detail ?? "It was not done.");
    this.name = "NotDone";
    /** `payment_declined`, `invalid_request`, ... @type {string | undefined} */
    this.code = problem.code;
    /** The field to look at. @type {string | undefined} */
    this.field = problem.field;
    /** The form to send next. @type {Sheet | undefined} */
    this.sheet = problem.sheet;
  }
}

/**
 * What the page of an action asks.
 * @param {string} url The action's URL.
 * @param {object} [options]
 * @param {typeof fetch} [options.fetch]
 * @param {string} [options.key] An API key of the customer, where the portal asks for one.
 * @returns {Promise<Sheet>}
 * @throws {NotDone}
 */
export function sheetOf(url, options = {}) {
  return exchange(url, { method: "GET" }, options);
}

/**
 * Sends the fields of a sheet: pays, upgrades, raises the cap. Safe to repeat with the same token.
 * @param {string} url The action's URL.
 * @param {Record<string, string>} fields With the sheet's `token`.
 * @param {object} [options] As for `sheetOf`.
 * @returns {Promise<{done: {title: string, text: string[], send_again: boolean, key?: string}}>}
 * @throws {NotDone} If the card was declined, or a field is wrong.
 */
export function submit(url, fields, options = {}) {
  const headers = { "content-type": "application/json" };
  return exchange(withoutQuery(url), { method: "POST", headers, body: JSON.stringify(fields) }, options);
}

async function exchange(url, init, { fetch: send = globalThis.fetch.bind(globalThis), key }) {
  const headers = { accept: "application/json", ...init.headers, ...(key && { authorization: `Bearer ${key}` }) };
  const response = await send(url, { ...init, headers });
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new NotDone(body);
  return body;
}

function withoutQuery(url) {
  const whole = new URL(url, globalThis.location?.href);
  whole.search = "";
  return whole.href;
}

/**
 * A ready-made prompt: a `<dialog>` that shows what happened, lets the person end it in place, and then has
 * the request sent again.
 *
 * @param {object} [options] As for `sheetOf`, and:
 * @param {HTMLElement} [options.parent] Where the dialog is put; the body if absent.
 * @param {(url: string) => string} [options.rewrite] Changes the address of a page, for example to one on
 *   the same origin.
 * @returns {OnPaymentRequired}
 */
export function paymentDialog(options = {}) {
  return (problem) => new Promise((resolve) => new Prompt(problem, options, resolve));
}

/** One showing of the dialog. */
class Prompt {
  constructor(problem, options, resolve) {
    this.problem = problem;
    this.options = options;
    this.dialog = element("dialog", { className: "tollgate", ariaLabel: problem.title });
    this.outcome = "give up";
    this.dialog.addEventListener("close", () => {
      this.dialog.remove();
      resolve(this.outcome);
    });
    (options.parent ?? document.body).append(this.dialog);
    this.overview();
    this.dialog.showModal();
  }

  /** What happened, and a button for each way out. */
  overview() {
    const rewrite = this.options.rewrite ?? ((url) => url);
    const ways = (this.problem.actions ?? []).filter((action) => action.url && action.id !== "troubleshoot");
    const buttons = ways.map((action, index) => {
      const url = rewrite(action.url);
      if (!url.startsWith("http") || action.id === "contact_support") {
        return element("a", { className: "button", href: url, textContent: action.title });
      }
      const button = element("button", { type: "button", textContent: action.title });
      if (index === 0) button.classList.add("primary");
      button.addEventListener("click", () => this.ask(url));
      return button;
    });
    const more = this.problem.instance && element("a", { href: rewrite(this.problem.instance), target: "_blank", rel: "noopener", textContent: "What happened?" });
    this.show([
      element("h2", { textContent: this.problem.title }),
      element("p", { textContent: this.problem.detail }),
      element("div", { className: "buttons" }, [...buttons, this.closing("Not now", "give up")]),
      more && element("p", { className: "note" }, [more]),
    ]);
  }

  /** Asks what the page of `url` asks. */
  async ask(url) {
    try {
      this.form(url, await sheetOf(url, this.options));
    } catch (error) {
      this.failed(url, error);
    }
  }

  form(url, sheet, error, entered = {}) {
    const form = element("form", { method: "dialog" }, [
      element("h2", { textContent: sheet.title }),
      ...sheet.text.map((sentence) => element("p", { textContent: sentence })),
      sheet.code && element("pre", { textContent: sheet.code.join("\n") }),
      error && element("p", { className: "error", role: "alert", textContent: error.message }),
      ...sheet.fields.flatMap(fieldElements),
      ...(sheet.payment ? paymentElements(sheet.payment) : []),
      element("div", { className: "buttons" }, [
        sheet.button && element("button", { className: "primary", type: "submit", textContent: sheet.button }),
        this.back(),
      ]),
    ]);
    for (const [name, value] of Object.entries(entered)) {
      const control = form.elements.namedItem(name);
      if (control) control.value = value;
    }
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      form.querySelector("[type=submit]").disabled = true;
      const fields = Object.fromEntries(new FormData(form));
      this.send(url, { ...fields, token: sheet.token }, sheet);
    });
    this.show([form]);
  }

  async send(url, fields, sheet) {
    try {
      const { done } = await submit(url, fields, this.options);
      this.done(done);
    } catch (error) {
      if (!(error instanceof NotDone)) return this.failed(url, error);
      this.form(url, error.sheet ?? sheet, error, fields);
    }
  }

  done(done) {
    const outcome = done.send_again ? "retry" : "give up";
    this.outcome = outcome;
    this.show([
      element("h2", { textContent: done.title }),
      ...done.text.map((sentence) => element("p", { textContent: sentence })),
      done.key && element("pre", { textContent: done.key }),
      element("div", { className: "buttons" }, [this.closing(done.send_again ? "Send the request again" : "Close", outcome)]),
    ]);
    this.dialog.querySelector(".buttons button").classList.add("primary");
  }

  /** The page cannot be asked from here: it opens by itself. */
  failed(url, error) {
    this.show([
      element("h2", { textContent: "Not done here" }),
      element("p", { textContent: error instanceof NotDone ? error.message : "The page could not be reached from here." }),
      element("p", {}, [element("a", { href: url, target: "_blank", rel: "noopener", textContent: "Open the page" })]),
      element("div", { className: "buttons" }, [this.closing("I did it there: send again", "retry"), this.back()]),
    ]);
  }

  back() {
    const button = element("button", { type: "button", textContent: "Back" });
    button.addEventListener("click", () => this.overview());
    return button;
  }

  closing(text, outcome) {
    const button = element("button", { type: "button", textContent: text });
    button.addEventListener("click", () => {
      this.outcome = outcome;
      this.dialog.close();
    });
    return button;
  }

  show(parts) {
    this.dialog.replaceChildren(...parts.filter(Boolean));
    this.dialog.querySelector("[autofocus], input, button.primary, button")?.focus();
  }
}

let count = 0;

/** A field with its label. */
function labelled(label, control, hint) {
  count += 1;
  control.id = `tollgate-${count}`;
  return [
    element("label", { htmlFor: control.id, textContent: label }),
    control,
    hint && element("p", { className: "note", textContent: hint }),
  ].filter(Boolean);
}

function fieldElements(field) {
  if (field.type === "choice") {
    const options = field.options.map((option) => radio(field.name, option.value, option.label, option.note, option.chosen));
    return [element("fieldset", {}, [element("legend", { textContent: field.label }), ...options])];
  }
  const label = field.type === "amount" ? `${field.label} (${field.currency})` : field.label;
  const inputMode = field.type === "amount" ? "decimal" : "text";
  return labelled(label, element("input", { name: field.name, value: field.value, inputMode, required: true }), field.hint);
}

function radio(name, value, label, note, checked) {
  return element("label", { className: "option" }, [
    element("input", { type: "radio", name, value, checked }),
    element("span", {}, [element("strong", { textContent: label }), note && element("span", { className: "note", textContent: note })]),
  ]);
}

function paymentElements(payment) {
  const parts = [element("legend", { textContent: "Payment" })];
  if (payment.on_file) {
    parts.push(radio("pay_with", "on_file", payment.on_file, "On file", payment.on_file_chosen));
    if (payment.test_cards.length > 0) parts.push(radio("pay_with", "card", "A test card", "", !payment.on_file_chosen));
  }
  if (payment.test_cards.length > 0) {
    const cards = payment.test_cards.map((card) => element("option", { value: card.number, textContent: `${card.number} ${card.does}` }));
    parts.push(...labelled("Test card", element("select", { name: "card_number" }, cards)));
    parts.push(...labelled("Valid until", element("input", { name: "card_expires", value: payment.card_expires })));
  }
  return [element("fieldset", {}, parts)];
}

function element(name, properties, children = []) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children.filter(Boolean));
  return made;
}
