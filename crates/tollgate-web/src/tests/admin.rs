//! The admin API: every operation, what it refuses, and what happens once.

use http::Method;
use serde_json::{Value, json};

use super::bench::*;

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer} in {value}"))
}

fn plan(key: &str, price: &str) -> Value {
    json!({ "key": key, "name": key.to_uppercase(), "currency": "USD", "base_price": price })
}

#[test]
fn customers_are_created_found_changed_frozen_and_closed() {
    on_both(|bench| async move {
        let id = bench.customer().await;
        let found = bench.get("/customers?search=acme").await;
        assert_eq!(found["data"][0]["id"], id);
        assert_eq!(found["next"], Value::Null);
        let path = format!("/customers/{id}");
        let patch = json!({
            "name": "Acme & Söhne", "caps": [{ "amount": "20", "period": "day" }],
            "commitment": { "minimum": "500", "paid": "320", "due_at": "2026-12-01T00:00:00Z" },
            "simulated_fault": "store_unavailable",
        });
        let reply = bench.admin(Method::PATCH, &path, patch).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        assert_eq!(reply.json()["commitment"]["minimum"], "500.00");
        let standing = bench.admin(Method::GET, &format!("{path}/standing"), None).await;
        assert_eq!((standing.status.as_u16(), standing.header("retry-after")), (503, "2"));
        let cleared = bench.admin(Method::PATCH, &path, json!({ "commitment": null, "simulated_fault": null })).await;
        assert_eq!(cleared.json()["commitment"], Value::Null);
        assert_eq!(bench.get(&format!("{path}/standing")).await["balance"]["available"], "0.00");

        let frozen = bench.post(&format!("{path}/freeze"), json!({ "why": "velocity" })).await;
        assert!(text(&frozen, "/frozen/case").starts_with("case_"));
        let lifted = bench.admin(Method::POST, &format!("{path}/unfreeze"), None).await;
        assert_eq!(lifted.json()["frozen"], Value::Null);
        let closed = bench.admin(Method::PATCH, &path, json!({ "status": "closed" })).await;
        assert_eq!(closed.json()["status"], "closed");

        let audit = bench.get(&format!("/audit?subject={id}")).await;
        let actions: Vec<&str> = audit["data"].as_array().unwrap().iter().map(|row| text(row, "/action")).collect();
        assert_eq!(
            actions,
            [
                "customer.update",
                "customer.unfreeze",
                "customer.freeze",
                "customer.update",
                "customer.update",
                "customer.create"
            ]
        );
    });
}

#[test]
fn keys_are_shown_once_changed_and_revoked() {
    on_both(|bench| async move {
        let customer = bench.customer().await;
        let path = format!("/customers/{customer}/applications");
        let application = bench.post(&path, json!({ "name": "web" })).await;
        let application = text(&application, "/id").to_owned();
        assert_eq!(bench.get(&path).await["data"][0]["name"], "web");
        let capped = json!({ "caps": [{ "amount": "5", "period": "month" }] });
        let reply = bench.admin(Method::PATCH, &format!("/applications/{application}"), capped).await;
        assert_eq!(reply.json()["caps"][0]["amount"], "5.00");
        assert_eq!(bench.get(&format!("/applications/{application}")).await["caps"][0]["period"], "month");

        let keys = format!("/applications/{application}/keys");
        let new = json!({ "name": "ci", "policy": { "scopes": ["reports:read"] } });
        let once = admin_request(Method::POST, &keys, Some(new.clone())).header("idempotency-key", "k1");
        let created = bench.send(once.body_of()).await;
        assert_eq!(created.status, 201);
        assert_eq!(created.header("cache-control"), "no-store");
        let key_text = text(&created.json(), "/text").to_owned();
        assert!(key_text.starts_with("tg_test_"));
        let again = admin_request(Method::POST, &keys, Some(new)).header("idempotency-key", "k1");
        let again = bench.send(again.body_of()).await.json();
        assert_eq!(again["key"], created.json()["key"]);
        assert_eq!(again["text"], Value::Null, "the text is nowhere");

        let id = text(&again, "/key/id").to_owned();
        let key = format!("/keys/{id}");
        let patched = bench.admin(Method::PATCH, &key, json!({ "expires_at": "2027-01-01T00:00:00Z" })).await.json();
        assert_eq!(patched["policy"]["scopes"][0], "reports:read", "what is not said stays");
        assert_eq!(patched["expires_at"], "2027-01-01T00:00:00Z");
        let patched = bench.admin(Method::PATCH, &key, json!({ "expires_at": null, "policy": {} })).await.json();
        assert_eq!((&patched["expires_at"], &patched["policy"]), (&Value::Null, &json!({})));
        let revoked = bench.admin(Method::DELETE, &key, None).await;
        assert_eq!(revoked.status, 200);
        let listed = bench.get(&format!("/customers/{customer}/keys")).await;
        assert_eq!(listed["data"][0]["revoked_at"], revoked.json()["revoked_at"]);
        assert_eq!(bench.get(&key).await["id"], id);
        let everything = bench.get("/audit?limit=1000").await.to_string();
        assert!(!everything.contains(&key_text[20..]), "no secret is in the audit trail");
    });
}

#[test]
fn money_comes_in_and_is_spent_and_taken_back() {
    on_both(|bench| async move {
        let customer = bench.customer().await;
        let path = format!("/customers/{customer}");
        let paid = json!({ "amount": "25", "reference": "transfer 77" });
        let manual = bench.post(&format!("{path}/top-ups"), paid).await;
        assert_eq!((text(&manual, "/grant/remaining"), text(&manual, "/payment/provider")), ("25.00", "manual"));
        let given = bench.post(&format!("{path}/grants"), json!({ "amount": "5", "note": "welcome" })).await;
        assert_eq!(given["provenance"], "promotional");
        let grants = bench.get(&format!("{path}/grants")).await;
        assert_eq!(grants["data"].as_array().unwrap().len(), 2);
        let void = bench.admin(Method::DELETE, &format!("{path}/grants/{}", text(&given, "/id")), None).await;
        assert_eq!(void.status, 200);
        assert_eq!(bench.get(&format!("{path}/standing")).await["balance"]["available"], "25.00");

        let methods = format!("{path}/payment-methods");
        let card = json!({ "test_card": { "number": "4242 4242 4242 4242", "expires": "12/30" } });
        let method = bench.post(&methods, card).await;
        assert_eq!((text(&method, "/brand"), text(&method, "/last4")), ("visa", "4242"));
        let charge = json!({ "amount": "10", "source": "payment_method" });
        let missing = bench.refused(Method::POST, &format!("{path}/top-ups"), charge.clone(), 400).await;
        assert!(missing.starts_with("Idempotency-Key:"), "{missing}");
        for _ in 0..2 {
            let request = admin_request(Method::POST, &format!("{path}/top-ups"), Some(charge.clone()));
            let reply = bench.send(request.header("idempotency-key", "charge-1").body_of()).await;
            assert_eq!(reply.status, 201, "{}", reply.text);
        }
        assert_eq!(bench.get(&format!("{path}/standing")).await["balance"]["available"], "35.00", "charged once");

        let kept = json!({ "kept": {
            "provider": "simulator", "provider_reference": "sim_pm_insufficient_funds_1", "brand": "visa", "last4": "9995",
        } });
        bench.post(&methods, kept).await;
        bench.clock.advance(std::time::Duration::from_millis(2));
        let request = admin_request(Method::POST, &format!("{path}/top-ups"), Some(charge));
        let declined = bench.send(request.header("idempotency-key", "charge-2").body_of()).await;
        assert_eq!(declined.status, 402);
        assert!(text(&declined.json(), "/detail").contains("insufficient_funds"));
        let payments = bench.get(&format!("{path}/payments?limit=2")).await;
        assert_eq!(payments["data"][0]["status"], "declined");
        let rest = bench.get(&format!("{path}/payments?after={}", text(&payments, "/next"))).await;
        assert_eq!(rest["data"][0]["provider"], "manual");

        let invoices = format!("{path}/invoices");
        let invoice = bench.post(&invoices, json!({ "purpose": "Plan Pro", "amount": "49" })).await;
        assert_eq!(invoice["number"], "INV-2026-0001");
        let pay = format!("{invoices}/{}/pay", text(&invoice, "/id"));
        assert_eq!(bench.post(&pay, json!({ "reference": "t" })).await["invoice"]["status"], "paid");
        assert!(bench.refused(Method::POST, &pay, json!({}), 409).await.contains("is not open"));
        assert_eq!(bench.get(&invoices).await["data"][0]["status"], "paid");

        let transfers = bench.get("/ledger/transfers?limit=2").await;
        assert_eq!(transfers["data"][0]["kind"], "payment");
        let older = bench.get(&format!("/ledger/transfers?after={}", text(&transfers, "/next"))).await;
        assert_eq!(older["data"].as_array().unwrap().len(), 4);
        let check = bench.get("/ledger/check").await;
        assert_eq!((&check["sound"], &check["report"]["transfers"]), (&json!(true), &json!(6)));
    });
}

#[test]
fn the_catalogue_is_published_in_versions_and_sold() {
    on_both(|bench| async move {
        bench.post("/plans", plan("starter", "0")).await;
        bench.post("/plans", plan("pro", "49")).await;
        let second = bench.post("/plans", plan("pro", "59")).await;
        assert_eq!(second["version"], 2);
        assert_eq!(bench.get("/plans/pro?version=1").await["definition"]["base_price"], "49.00");
        assert_eq!(bench.get("/plans?limit=1").await["next"], "pro");
        bench.post("/add-ons", json!({ "key": "export", "name": "Export", "currency": "USD", "price": "9" })).await;
        assert_eq!(bench.get("/add-ons/export").await["version"], 1);
        bench.post("/prices", json!({ "key": "search", "per_call": "0.01" })).await;
        let api = json!({
            "key": "rest", "name": "REST", "approval": "required",
            "upstream": { "url": "http://127.0.0.1:9", "headers": { "authorization": "Bearer sk-secret" } },
            "route": [{ "key": "search", "path": "/search", "price": "search" }],
        });
        let published = bench.post("/apis", api.clone()).await;
        assert!(!published.to_string().contains("sk-secret"), "credentials are not shown again");
        let shown = bench.get("/apis/rest").await["definition"].clone();
        assert_eq!(shown["upstream"]["headers"]["authorization"], "(hidden)");
        assert_eq!(bench.post("/apis", shown.clone()).await["version"], 1, "what was not shown is as it was");
        let mut elsewhere = shown;
        elsewhere["upstream"]["url"] = json!("http://127.0.0.1:10");
        let refused = bench.refused(Method::POST, "/apis", elsewhere, 400).await;
        assert!(refused.starts_with("upstream.headers.authorization:"), "{refused}");
        assert!(!bench.get("/audit?subject=api:rest").await.to_string().contains("sk-secret"));
        assert!(bench.refused(Method::DELETE, "/prices/search", json!({}), 409).await.contains("rest.search"));
        let mut unpriced = api;
        unpriced["route"][0]["price"] = json!("serach");
        assert!(bench.refused(Method::POST, "/apis", unpriced, 400).await.starts_with("route[0].price:"));

        let customer = bench.customer().await;
        let path = format!("/customers/{customer}/subscriptions");
        let first = bench.post(&path, json!({ "plan": "starter" })).await;
        let current = bench.post(&path, json!({ "plan": "pro", "plan_version": 1 })).await;
        let current = format!("{path}/{}", text(&current, "/id"));
        let with_add_on = bench.post(&format!("{current}/add-ons"), json!({ "add_on": "export" })).await;
        assert_eq!(with_add_on["add_ons"][0]["key"], "export");
        let past_due = json!({ "state": {
            "status": "past_due", "since": "2026-11-01T00:00:00Z", "grace_until": "2026-11-08T00:00:00Z",
            "amount_due": "49", "attempts": 4, "code": "insufficient_funds",
        } });
        let reply = bench.admin(Method::PATCH, &current, past_due.clone()).await;
        assert_eq!(reply.json()["state"]["status"], "past_due");
        let history = format!("{path}/{}", text(&first, "/id"));
        assert!(bench.refused(Method::PATCH, &history, past_due, 409).await.contains("only that one"));
        assert_eq!(bench.get(&path).await["data"].as_array().unwrap().len(), 2);
        let retired = bench.admin(Method::DELETE, "/plans/pro", None).await;
        assert_eq!(retired.json()["key"], "pro");
        assert_eq!(bench.admin(Method::GET, "/plans/pro", None).await.status, 404);
        assert_eq!(bench.get("/plans/pro?version=1").await["version"], 1, "who bought it keeps it");
    });
}

#[test]
fn a_catalogue_that_the_gateway_cannot_use_is_said_to_be() {
    on_sqlite(|bench| async move {
        *bench.gate.complaint.lock().unwrap() = Some("api rest, route a: expected another path".to_owned());
        let published = bench.post("/plans", plan("pro", "49")).await;
        assert_eq!(published["warning"], "api rest, route a: expected another path");
    });
}

#[test]
fn access_is_approved() {
    on_both(|bench| async move {
        let customer = bench.customer().await;
        let application = bench.post(&format!("/customers/{customer}/applications"), json!({ "name": "web" })).await;
        let application = text(&application, "/id").to_owned();
        let api = json!({
            "key": "rest", "approval": "required", "upstream": { "url": "http://127.0.0.1:9" },
            "route": [{ "key": "all", "path": "/", "free": true }],
        });
        bench.post("/apis", api).await;
        let mut change = bench.store.change("test").await.unwrap();
        change.request_access(application.parse().unwrap(), "rest", "please").await.unwrap();
        change.commit().await.unwrap();
        assert_eq!(bench.get("/approvals?status=pending").await["data"][0]["note"], "please");
        let decision = json!({ "application": application, "api": "rest", "decision": "approved" });
        let decided = bench.post("/approvals", decision).await;
        assert_eq!((text(&decided, "/status"), text(&decided, "/note")), ("approved", "please"));
        assert_eq!(bench.get("/approvals?status=pending").await["data"], json!([]));
        let unknown = json!({ "application": application, "api": "soap", "decision": "approved" });
        bench.refused(Method::POST, "/approvals", unknown, 404).await;
        let undecided = json!({ "application": application, "api": "rest", "decision": "pending" });
        bench.refused(Method::POST, "/approvals", undecided, 400).await;
    });
}

#[test]
fn prices_of_models_are_imported_after_a_look_and_set_by_hand() {
    on_sqlite(|bench| async move {
        let by_hand = json!({
            "provider": "openai", "model": "gpt-4o", "prices": {
                "usd_per_million_input_tokens": "3", "usd_per_million_output_tokens": "12",
            },
        });
        bench.post("/model-prices", by_hand).await;
        let list = json!({
            "gpt-4o": { "litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 2.5e-6, "output_cost_per_token": 1e-5 },
            "gpt-4.1": { "litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 2e-6, "output_cost_per_token": 8e-6 },
            "free": { "litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 0, "output_cost_per_token": 0 },
        });
        let path = "/model-prices/import?format=litellm&dated=2026-11-01";
        let look = bench.post(&format!("{path}&dry_run=true"), list.clone()).await;
        assert_eq!((text(&look, "/added/0/model"), text(&look, "/kept/0")), ("gpt-4.1", "openai/gpt-4o"));
        assert_eq!(look["rejected"][0]["model"], "free");
        assert_eq!(bench.get("/model-prices").await["data"].as_array().unwrap().len(), 1, "nothing was changed");
        bench.post(path, list.clone()).await;
        let again = bench.post(path, list.clone()).await;
        assert_eq!((&again["unchanged"], &again["added"]), (&json!(1), &json!([])));
        let mut cheaper = list;
        cheaper["gpt-4.1"]["input_cost_per_token"] = json!(1e-6);
        let conflict = bench.post(&format!("{path}&disagreement=dearer"), cheaper.clone()).await;
        assert_eq!(
            (text(&conflict, "/conflicts/0/book"), text(&conflict, "/conflicts/0/list")),
            ("0.000002", "0.000001")
        );
        let found = bench.get("/model-prices?search=4.1").await;
        assert_eq!(text(&found, "/data/0/prices/usd_per_million_input_tokens"), "2");
        bench.post(path, cheaper).await;
        let found = bench.get("/model-prices?search=4.1").await;
        assert_eq!(text(&found, "/data/0/prices/usd_per_million_input_tokens"), "1");

        let shipped = bench.admin(Method::POST, "/model-prices/import?format=shipped&dry_run=true", None).await.json();
        assert!(shipped["added"].as_array().unwrap().len() > 500);
        for (query, field) in [
            ("", "format"),
            ("format=csv", "format"),
            ("format=litellm&dated=yesterday", "dated"),
            ("format=litellm&dry_run=maybe", "dry_run"),
        ] {
            let refused = bench.refused(Method::POST, &format!("/model-prices/import?{query}"), json!({}), 400).await;
            assert!(refused.starts_with(field), "{refused}");
        }
        let refused = bench.refused(Method::POST, "/model-prices/import?format=snapshot", json!({}), 400).await;
        assert!(refused.starts_with("body: expected a price list"), "{refused}");
    });
}

#[test]
fn the_clock_is_moved_in_a_sandbox_only() {
    on_sqlite(|bench| async move {
        assert_eq!(bench.get("/clock").await, json!({ "now": NOW.to_string(), "can_be_moved": true }));
        let moved = bench.post("/clock", json!({ "by": "1 month" })).await;
        assert_eq!(text(&moved, "/now")[..19], *"2026-12-21T09:30:00");
        bench.refused(Method::POST, "/clock", json!({ "to": "2026-01-01T00:00:00Z" }), 400).await;
        let live = bench.with(|settings| settings.sandbox = crate::Sandbox::Off);
        let request = admin_request(Method::POST, "/clock", Some(json!({ "by": "1 month" }))).body_of();
        assert_eq!(send(&live, request).await.status, 409);
        let id = bench.customer().await;
        let fault = json!({ "simulated_fault": "store_unavailable" });
        let request = admin_request(Method::PATCH, &format!("/customers/{id}"), Some(fault)).body_of();
        assert_eq!(send(&live, request).await.status, 400);
        let application = bench.post(&format!("/customers/{id}/applications"), json!({ "name": "web" })).await;
        let keys = format!("/applications/{}/keys", text(&application, "/id"));
        let key = send(&live, admin_request(Method::POST, &keys, Some(json!({ "name": "ci" }))).body_of()).await;
        assert!(text(&key.json(), "/text").starts_with("tg_live_"));
        // Simulated money buys nothing outside of a sandbox.
        let card = json!({ "test_card": { "number": "4242424242424242", "expires": "12/30" } });
        let request = admin_request(Method::POST, &format!("/customers/{id}/payment-methods"), Some(card)).body_of();
        assert_eq!(send(&live, request).await.status, 409);
    });
}

#[test]
fn bad_input_is_refused_with_the_field_and_changes_nothing() {
    on_sqlite(|bench| async move {
        let id = bench.customer().await;
        let customer = format!("/customers/{id}");
        bench.post("/plans", plan("pro", "49")).await;
        let before = bench.get("/audit?limit=1000").await;
        let grants = format!("{customer}/grants");
        let top_ups = format!("{customer}/top-ups");
        let invoices = format!("{customer}/invoices");
        let cases: Vec<(Method, &str, Value, &str)> = vec![
            (Method::POST, "/customers", json!({}), "name"),
            (Method::POST, "/customers", json!({ "name": "" }), "name"),
            (Method::POST, "/customers", json!({ "name": "a\u{0}b" }), "name"),
            (Method::POST, "/customers", json!({ "name": "x", "email": "x" }), "email"),
            (Method::POST, "/customers", json!({ "name": "x", "currency": "usd" }), "currency"),
            (Method::POST, "/customers", json!({ "name": "x", "time_zone": "Mars" }), "time_zone"),
            (Method::POST, "/customers", json!({ "name": "x", "balance": "1" }), "balance"),
            (Method::POST, "/customers", json!([]), "body"),
            (Method::PATCH, &customer, json!({ "id": "cus_x" }), "id"),
            (Method::PATCH, &customer, json!({ "caps": [{ "amount": "-1", "period": "day" }] }), "caps[0].amount"),
            (Method::PATCH, &customer, json!({ "status": "gone" }), "status"),
            (Method::POST, &grants, json!({ "amount": "0" }), "amount"),
            (Method::POST, &grants, json!({ "amount": "-5" }), "amount"),
            (Method::POST, &grants, json!({ "amount": "1000001" }), "amount"),
            (Method::POST, &grants, json!({ "amount": 5 }), "amount"),
            (Method::POST, &grants, json!({ "amount": "5", "expires_at": "2020-01-01T00:00:00Z" }), "expires_at"),
            (Method::POST, &top_ups, json!({ "amount": "0.001" }), "amount"),
            (Method::POST, &top_ups, json!({ "amount": "99999999999999999999" }), "amount"),
            (Method::POST, &top_ups, json!({ "amount": "5", "source": "cash" }), "source"),
            (Method::POST, &invoices, json!({ "purpose": "x", "amount": "-1" }), "amount"),
            (Method::POST, &invoices, json!({ "purpose": "", "amount": "1" }), "purpose"),
            (Method::POST, "/plans", json!({ "key": "a b", "name": "x", "currency": "USD" }), "key"),
            (
                Method::POST,
                "/plans",
                json!({ "key": "a", "name": "x", "currency": "USD", "base_price": "-1" }),
                "base_price",
            ),
            (Method::POST, "/prices", json!({ "key": "a" }), "per_call"),
            (Method::POST, "/prices", json!({ "key": "a", "per_call": "-1" }), "per_call"),
            (Method::GET, "/customers?limit=0", json!({}), "limit"),
            (Method::GET, "/customers?limit=1001", json!({}), "limit"),
            (Method::GET, "/customers?limit=ten", json!({}), "limit"),
            (Method::GET, "/customers?serach=x", json!({}), "serach"),
            (Method::GET, "/requests?status=many", json!({}), "status"),
            (Method::GET, "/requests?after=x", json!({}), "after"),
            (Method::GET, "/requests?customer=acme", json!({}), "customer"),
            (Method::GET, "/ledger/transfers?after=-x", json!({}), "after"),
            (Method::GET, "/plans/pro?version=0", json!({}), "version"),
            (Method::GET, "/customers/nobody", json!({}), "customer"),
            (Method::DELETE, "/keys/key_1", json!({}), "key"),
        ];
        for (method, path, body, field) in cases {
            let reply = bench.admin(method.clone(), path, body.clone()).await;
            let problem = reply.json();
            assert_eq!(reply.status, 400, "{method} {path} {body}: {}", reply.text);
            assert_eq!(problem["field"], field, "{method} {path} {body}: {problem}");
            assert!(problem["expected"].is_string(), "{problem}");
        }
        for (method, path, status) in [
            (Method::GET, "/customers/cus_00000000000000000000000000".to_owned(), 404),
            (Method::GET, "/plans/none".to_owned(), 404),
            (Method::GET, "/requests/req_00000000000000000000000000".to_owned(), 404),
            (Method::DELETE, format!("{grants}/grn_00000000000000000000000000"), 404),
        ] {
            bench.refused(method, &path, json!({}), status).await;
        }
        assert_eq!(bench.get("/audit?limit=1000").await, before, "nothing has changed");
    });
}

#[test]
fn bodies_that_are_no_json_are_refused() {
    on_sqlite(|bench| async move {
        let post = |content_type: &'static str, body: Vec<u8>| {
            let request = admin_request(Method::POST, "/customers", None).header("content-type", content_type);
            let mut request = request.body_of();
            *request.body_mut() = axum::body::Body::from(body);
            request
        };
        let broken = bench.send(post("application/json", b"{\n \"name\": ".to_vec())).await.json();
        assert_eq!((&broken["field"], &broken["line"]), (&json!("body"), &json!(2)));
        let text = bench.send(post("text/plain", b"{\"name\":\"x\"}".to_vec())).await;
        assert_eq!(text.status, 415);
        let large = bench.send(post("application/json", vec![b' '; 1024 * 1024 + 1])).await;
        assert_eq!(large.status, 413);
        let binary = bench.send(post("application/json", vec![0xff; 10])).await;
        assert_eq!(binary.status, 400);
        let twice = bench.send(post("application/json", b"{\"name\":\"a\",\"name\":\"b\"}".to_vec())).await.json();
        assert_eq!(twice["field"], "name");
    });
}

#[test]
fn what_has_a_name_happens_once() {
    on_both(|bench| async move {
        let create = |key: &str, name: &str| {
            admin_request(Method::POST, "/customers", Some(json!({ "name": name })))
                .header("idempotency-key", key)
                .body_of()
        };
        let first = bench.send(create("a", "Acme")).await;
        let again = bench.send(create("a", "Acme")).await;
        assert_eq!((first.status, first.json()), (again.status, again.json()));
        assert_eq!(bench.send(create("a", "Other")).await.status, 409);
        assert_ne!(bench.send(create("b", "Acme")).await.json(), first.json());
        let (one, two) = tokio::join!(bench.send(create("c", "Acme")), bench.send(create("c", "Acme")));
        assert_eq!(one.json(), two.json(), "at the same time");
        assert_eq!(bench.get("/customers").await["data"].as_array().unwrap().len(), 3);
        let bad = bench.send(create("not ok", "Acme")).await;
        assert_eq!(bad.status, 400);
    });
}

#[test]
fn long_lists_come_in_pages() {
    on_sqlite(|bench| async move {
        for number in 0..5 {
            bench.post("/customers", json!({ "name": format!("Customer {number}") })).await;
        }
        let mut seen = Vec::new();
        let mut path = "/customers?limit=2".to_owned();
        loop {
            let page = bench.get(&path).await;
            seen.extend(page["data"].as_array().unwrap().iter().map(|c| text(c, "/name").to_owned()));
            let Some(next) = page["next"].as_str() else { break };
            path = format!("/customers?limit=2&after={next}");
        }
        assert_eq!(seen.len(), 5);
        assert_eq!((seen[0].as_str(), seen[4].as_str()), ("Customer 0", "Customer 4"));
    });
}

#[test]
fn health_and_metrics_tell_how_it_is() {
    on_sqlite(|bench| async move {
        let get = |path: &str| http::Request::get(path).body(axum::body::Body::empty()).unwrap();
        assert_eq!(bench.send(get("/healthz")).await.text, "ok\n");
        assert_eq!(bench.send(get("/readyz")).await.status, 200);
        bench.gate.is_good.store(false, std::sync::atomic::Ordering::Relaxed);
        let unready = bench.send(get("/readyz")).await;
        assert_eq!((unready.status.as_u16(), &unready.json()["settlement"]), (503, &json!("failing")));
        bench.web.metrics().register(|registry| {
            let counter = prometheus_client::metrics::counter::Counter::<u64>::default();
            counter.inc_by(7);
            registry.register("requests", "Requests", counter);
        });
        let metrics = bench.send(get("/metrics")).await.text;
        for line in ["tollgate_gateway_keys_known 3", "tollgate_settlement_good 0", "tollgate_requests_total 7"] {
            assert!(metrics.contains(line), "{line} in {metrics}");
        }
        let closed = bench.with(|settings| settings.metrics = crate::Readers::Admin);
        assert_eq!(send(&closed, get("/metrics")).await.status, 401);
    });
}
