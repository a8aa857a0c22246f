//! The members of a refusal (RFC 9457), the same in every dialect.

use std::time::Duration;

use serde_json::{Map, Value, json};
use tollgate_core::decision::{Action, Denial, Facts, Offers, PayingHelps, Reason, Shortage};
use tollgate_core::money::{Currency, Money, Nanos};

use crate::snapshot::Setup;

use super::refusal::{Denied, Fault};
use super::respond::whole_seconds;
use super::{Refusal, Texts};

/// What the answer says about the request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Context {
    pub(crate) request_id: String,
    pub(crate) endpoint: String,
    pub(crate) occurred_at: String,
    pub(crate) customer: Option<String>,
    pub(crate) application: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) language: Option<String>,
    /// The id of the JSON-RPC request that is refused, as JSON.
    pub(crate) rpc_id: Option<Box<str>>,
}

/// A refusal in members.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) title: String,
    pub(crate) detail: String,
    pub(crate) type_url: String,
    /// The link of the first action that has one.
    pub(crate) resolve_url: Option<String>,
    /// The same, if it leads to something that can be bought or paid.
    pub(crate) payment_url: Option<String>,
    pub(crate) docs_url: Option<String>,
    /// After how long it may be sent again, where waiting helps.
    pub(crate) retry_after: Option<Duration>,
    /// The id of the JSON-RPC request that is refused, as JSON.
    pub(crate) rpc_id: Option<Box<str>>,
    pub(crate) members: Map<String, Value>,
}

impl Problem {
    /// The members of `refusal`.
    pub(crate) fn new(refusal: &Refusal, context: &Context, setup: &Setup, texts: &Texts) -> Self {
        match refusal {
            Refusal::Denied(denied) => Self::of_denial(denied, context, setup, texts),
            Refusal::Fault(fault) => Self::of_fault(fault, context),
        }
    }

    fn of_denial(denied: &Denied, context: &Context, setup: &Setup, texts: &Texts) -> Self {
        let reason = denied.denial.reason;
        let type_url = match quota_for_time(&denied.denial) {
            true => "https://iana.org/assignments/http-problem-types#quota-exceeded".to_owned(),
            false => format!("{}/{}", setup.docs_url, reason.code()),
        };
        let mut members =
            common(context, &type_url, reason.title(), denied.denial.status(), &denied.detail, reason.code());
        members.insert("instance".to_owned(), format!("{}/r/{}", setup.portal_url, context.request_id).into());
        let mut retry = json!({ "when": denied.retry.when.name(), "at": null });
        if let Some(at) = denied.retry.at {
            retry["at"] = at.to_string().into();
        }
        members.insert("retry".to_owned(), retry);
        let actions = actions(denied, context, setup);
        members.insert("actions".to_owned(), actions.into());
        if denied.shows_figures() {
            figures(denied, &mut members);
        }
        plan_members(denied, &mut members);
        let docs_url = format!("{}/{}", setup.docs_url, reason.code());
        let mut problem = Self {
            status: denied.denial.status(),
            code: reason.code(),
            title: reason.title().to_owned(),
            detail: denied.detail.clone(),
            type_url,
            resolve_url: None,
            payment_url: None,
            docs_url: Some(docs_url),
            retry_after: denied.retry.after(),
            rpc_id: context.rpc_id.clone(),
            members,
        };
        texts.apply(&mut problem, denied.plan.as_ref().map(|plan| &*plan.key), context.language.as_deref());
        problem.resolve_url = problem.first_url(|_| true);
        problem.payment_url = match problem.status {
            402 | 429 => problem.first_url(|action| action != "troubleshoot" && action != "contact_support"),
            _ => None,
        };
        problem
    }

    fn of_fault(fault: &Fault, context: &Context) -> Self {
        let mut members = common(context, "about:blank", fault.title, fault.status, &fault.detail, fault.code);
        if let Some(field) = &fault.field {
            members.insert("field".to_owned(), (**field).into());
        }
        Self {
            status: fault.status,
            code: fault.code,
            title: fault.title.to_owned(),
            detail: fault.detail.to_string(),
            type_url: "about:blank".to_owned(),
            resolve_url: None,
            payment_url: None,
            docs_url: None,
            retry_after: fault.retry_after,
            rpc_id: context.rpc_id.clone(),
            members,
        }
    }

    /// The link of the first action that has one, among those whose id is `wanted`.
    fn first_url(&self, wanted: impl Fn(&str) -> bool) -> Option<String> {
        let actions = self.members.get("actions")?.as_array()?;
        let mut urls = actions.iter().filter(|action| action["id"].as_str().is_some_and(&wanted));
        urls.find_map(|action| action.get("url")?.as_str().map(str::to_owned))
    }

    /// Sets a text that people read, here and in the members.
    pub(crate) fn set_text(&mut self, member: &str, text: String) {
        self.members.insert(member.to_owned(), text.clone().into());
        match member {
            "title" => self.title = text,
            _ => self.detail = text,
        }
    }
}

fn common(context: &Context, type_url: &str, title: &str, status: u16, detail: &str, code: &str) -> Map<String, Value> {
    let mut members = Map::new();
    let mut put = |name: &str, value: Value| {
        members.insert(name.to_owned(), value);
    };
    put("type", type_url.into());
    put("title", title.into());
    put("status", status.into());
    put("detail", detail.into());
    put("reason", code.into());
    put("request_id", context.request_id.as_str().into());
    put("occurred_at", context.occurred_at.as_str().into());
    for (name, value) in [("customer", &context.customer), ("application", &context.application), ("key", &context.key)]
    {
        if let Some(value) = value {
            put(name, value.as_str().into());
        }
    }
    put("endpoint", context.endpoint.as_str().into());
    members
}

/// A quota that only time lifts has a registered problem type.
fn quota_for_time(denial: &Denial) -> bool {
    matches!(&denial.facts, Facts::Quota(quota) if quota.paying_helps == PayingHelps::OnlyTime)
}

fn money(amount: Nanos, currency: Currency) -> Value {
    json!({ "amount": amount.to_string(), "currency": currency.to_string() })
}

/// The figures that explain a denial.
fn figures(denied: &Denied, members: &mut Map<String, Value>) {
    let currency = denied.currency;
    let mut put = |name: &str, value: Value| {
        members.insert(name.to_owned(), value);
    };
    match &denied.denial.facts {
        Facts::None => (),
        Facts::Balance(short) => {
            if short.is_only_reserved() {
                put("cause", "reserved".into());
            }
            let (available, reserved) = (short.available.to_string(), short.reserved.to_string());
            put("balance", json!({ "available": available, "reserved": reserved, "currency": currency.to_string() }));
            let required = short.required.to_string();
            put("required", json!({ "amount": required, "currency": currency.to_string(), "basis": "estimate" }));
            put("shortfall", money(short.missing().ceil_to_minor(currency), currency));
            if let Some(tokens) = short.affordable_output_tokens {
                put("affordable_output_tokens", tokens.into());
            }
        }
        Facts::Quota(quota) => {
            put("violated-policies", json!([quota.policy]));
            put(
                "quota",
                json!({
                    "policy": quota.policy, "meter": quota.meters.to_string(), "limit": quota.limit, "used": quota.used,
                    "required": quota.required, "period": quota.period,
                    "resets_at": quota.resets_at.map(|at| at.to_string()),
                }),
            );
        }
        Facts::Rate(rate) => {
            put("violated-policies", json!([rate.policy]));
            put(
                "limit",
                json!({
                    "policy": rate.policy, "unit": rate.unit, "limit": rate.limit,
                    "window_seconds": rate.window.as_secs(),
                }),
            );
        }
        Facts::Concurrency { policy, limit } => {
            put("violated-policies", json!([policy]));
            put("limit", json!({ "policy": policy, "unit": "concurrent-requests", "limit": limit }));
        }
        Facts::Cap { scope, scope_id, limit, spent, required, period, resets_at } => put(
            "cap",
            json!({
                "scope": scope, "scope_id": scope_id, "limit": limit.to_string(), "spent": spent.to_string(),
                "required": required.to_string(), "currency": currency.to_string(), "period": period.name(),
                "resets_at": (period.name() != "total").then(|| resets_at.to_string()),
            }),
        ),
        Facts::Feature(feature) => put("feature", json!({ "id": feature })),
        Facts::Model(model) => put("model", json!({ "id": model })),
        Facts::Context { model, prompt_tokens, plan_limit } => put(
            "context",
            json!({ "model": model, "prompt_tokens": prompt_tokens, "plan_limit": plan_limit, "counted_by": "tokenizer" }),
        ),
        Facts::Ended { at } => put("ended_at", at.map_or(Value::Null, |at| at.to_string().into())),
        Facts::Open(bill) => {
            put("amount_due", money(bill.amount, currency));
            put("invoices", json!(bill.invoices));
            put("since", bill.since.to_string().into());
            if let Some(until) = bill.grace_until {
                put("grace", json!({ "ended_at": until.to_string() }));
            }
            match denied.denial.reason {
                Reason::PaymentFailed => {
                    put("payment", json!({ "attempts": bill.attempts, "decline": bill.why }));
                }
                Reason::SubscriptionSuspended => put("suspended_by", (*bill.why).into()),
                _ => (),
            }
        }
        Facts::Method { brand, last4, expired: (year, month) } => {
            put("payment_method", json!({ "brand": brand, "last4": last4, "expires": format!("{year}-{month:02}") }))
        }
        Facts::Commitment { minimum, paid, due_at } => put(
            "commitment",
            json!({
                "minimum": minimum.to_string(), "paid": paid.to_string(),
                "outstanding": minimum.saturating_minus(*paid).to_string(),
                "currency": currency.to_string(), "due_at": due_at.to_string(),
            }),
        ),
        Facts::Review { case, since, expected_by } => put(
            "hold",
            json!({
                "case": case, "since": since.to_string(), "expected_by": expected_by.map(|at| at.to_string()),
            }),
        ),
        Facts::Price { amount } => put("required", money(*amount, currency)),
    }
}

/// The plan the customer is on, and what would lift the denial.
fn plan_members(denied: &Denied, members: &mut Map<String, Value>) {
    let allows: Vec<Value> = denied
        .offers
        .plans
        .iter()
        .map(|offer| {
            let mut allowed = json!({ "plan": offer.item.key, "name": offer.item.name });
            if denied.shows_figures() {
                allowed["price"] = money(offer.item.base_price, offer.item.currency);
                if let Some(limit) = offer.limit {
                    allowed["limit"] = limit.into();
                }
            }
            allowed
        })
        .collect();
    let add_ons: Vec<Value> = denied
        .offers
        .add_ons
        .iter()
        .map(|offer| {
            let mut allowed = json!({ "addon": offer.item.key, "name": offer.item.name });
            if denied.shows_figures() {
                allowed["price"] = money(offer.item.price, offer.item.currency);
            }
            allowed
        })
        .collect();
    let mut about = match &denied.plan {
        Some(plan) => json!({ "current": plan.key, "version": plan.version, "name": plan.name }),
        None => json!({ "current": null }),
    };
    if denied.plan.is_none() && allows.is_empty() && add_ons.is_empty() {
        return;
    }
    if !allows.is_empty() {
        about["allows"] = allows.into();
    }
    if !add_ons.is_empty() {
        about["addons"] = add_ons.into();
    }
    members.insert("plan".to_owned(), about);
    if let Some(subscription) = &denied.subscription {
        members.insert("subscription".to_owned(), subscription.as_str().into());
    }
}

/// What ends the refusal, the best first; always with the way to find out more and to reach a person.
fn actions(denied: &Denied, context: &Context, setup: &Setup) -> Vec<Value> {
    let reason = denied.denial.reason;
    let mut list: Vec<Action> = reason.actions().to_vec();
    list.retain(|action| is_possible(*action, denied));
    match &denied.denial.facts {
        Facts::Balance(short) if short.is_only_reserved() => list.insert(0, Action::Wait),
        Facts::Open(bill) if &*bill.why == "operator" => list = vec![Action::ContactSupport],
        // Paused by the customer: nothing has to be paid.
        Facts::Open(bill) if !bill.amount.is_positive() => list.retain(|action| *action != Action::PayInvoice),
        _ => (),
    }
    if quota_for_time(&denied.denial) {
        list.insert(0, Action::Wait);
    }
    for always in [Action::Troubleshoot, Action::ContactSupport] {
        if !list.contains(&always) {
            list.push(always);
        }
    }
    list.into_iter().map(|action| describe(action, denied, context, setup)).collect()
}

fn is_possible(action: Action, denied: &Denied) -> bool {
    let Offers { plans, add_ons } = &denied.offers;
    match action {
        Action::Upgrade => !plans.is_empty(),
        Action::BuyAddOn => !add_ons.is_empty(),
        Action::SmallerRequest => match &denied.denial.facts {
            Facts::Balance(short) => short.affordable_output_tokens.is_some(),
            Facts::Cap { limit, spent, .. } => limit > spent,
            _ => true,
        },
        _ => true,
    }
}

fn describe(action: Action, denied: &Denied, context: &Context, setup: &Setup) -> Value {
    let mut described = json!({ "id": action.id(), "title": title(action, denied) });
    let page = || format!("{}/r/{}/{}", setup.portal_url, context.request_id, action.id());
    let url = match action {
        Action::Wait | Action::SmallerRequest | Action::SendKey => None,
        Action::Troubleshoot => Some(format!("{}/r/{}", setup.portal_url, context.request_id)),
        Action::ContactSupport if setup.support.contains('@') => {
            Some(format!("mailto:{}?subject={}", setup.support, context.request_id))
        }
        Action::ContactSupport if !setup.support.is_empty() => Some(setup.support.clone()),
        Action::Upgrade => denied
            .offers
            .plans
            .first()
            .map(|offer| format!("{}?to={}", page(), offer.item.key))
            .or_else(|| Some(page())),
        Action::BuyAddOn => denied
            .offers
            .add_ons
            .first()
            .map(|offer| format!("{}?addon={}", page(), offer.item.key))
            .or_else(|| Some(page())),
        _ => Some(page()),
    };
    if let Some(url) = url {
        described["url"] = url.into();
    }
    described["who"] = action.who().names().into();
    described
}

/// The words on the button, with figures where they may be shown.
fn title(action: Action, denied: &Denied) -> String {
    if !denied.shows_figures() && !matches!(action, Action::Upgrade | Action::BuyAddOn) {
        return action.title().to_owned();
    }
    let at_least = |amount: Nanos| Money::new(amount.ceil_to_minor(denied.currency), denied.currency);
    let seconds = denied.retry.after().map(whole_seconds);
    match (action, &denied.denial.facts) {
        (Action::TopUp, Facts::Balance(short)) => format!("Add at least {}", at_least(missing(short))),
        (Action::SmallerRequest, Facts::Balance(Shortage { affordable_output_tokens: Some(tokens), .. })) => {
            format!("Lower max_tokens to {tokens} or less")
        }
        (Action::SmallerRequest, Facts::Context { plan_limit, .. }) => format!("Send at most {plan_limit} tokens"),
        (Action::SmallerRequest, Facts::Cap { limit, spent, .. }) => {
            format!("Send a cheaper request ({} left)", Money::new(limit.saturating_minus(*spent), denied.currency))
        }
        (Action::PayInvoice, Facts::Open(bill)) if bill.amount.is_positive() => {
            format!("Pay {}", at_least(bill.amount))
        }
        (Action::PayMinimum, Facts::Commitment { minimum, paid, .. }) => {
            format!("Pay {}", at_least(minimum.saturating_minus(*paid)))
        }
        (Action::PayRequest | Action::TopUp, Facts::Price { amount }) => format!("Pay {}", at_least(*amount)),
        (Action::Wait, _) => seconds.map_or_else(|| action.title().to_owned(), retry_in),
        (Action::Upgrade, _) => denied
            .offers
            .plans
            .first()
            .map_or_else(|| action.title().to_owned(), |offer| format!("Upgrade to {}", offer.item.name)),
        (Action::BuyAddOn, _) => denied.offers.add_ons.first().map_or_else(
            || action.title().to_owned(),
            |offer| match denied.shows_figures() {
                true => format!("Add {} for {}", offer.item.name, Money::new(offer.item.price, offer.item.currency)),
                false => format!("Add {}", offer.item.name),
            },
        ),
        (Action::Renew, _) => {
            denied.plan.as_ref().map_or_else(|| action.title().to_owned(), |plan| format!("Renew {}", plan.name))
        }
        _ => action.title().to_owned(),
    }
}

fn retry_in(seconds: u64) -> String {
    match seconds {
        1 => "Retry in a second".to_owned(),
        seconds => format!("Retry in {seconds} seconds"),
    }
}

fn missing(short: &Shortage) -> Nanos {
    short.missing()
}
