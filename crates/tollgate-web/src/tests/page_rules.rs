//! Who may use the pages, from where, and what every page carries.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Body;
use http::{Method, StatusCode};
use serde_json::json;
use tollgate_core::decision::Reason;
use tollgate_core::money::{Currency, Money, Nanos};

use super::bench::*;
use super::visitor::*;
use crate::{Playground, SignIn};

/// A request for `path` that carries `headers`.
async fn ask(router: &Router, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    let mut builder = page_request(method, path, &BTreeMap::new());
    if !headers.iter().any(|(name, _)| *name == "content-type") {
        builder = builder.header("content-type", "application/x-www-form-urlencoded");
    }
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    send(router, builder.body(Body::from(body.to_owned())).unwrap()).await
}

async fn get(router: &Router, path: &str, headers: &[(&str, &str)]) -> Reply {
    ask(router, Method::GET, path, headers, "").await
}

/// Signs in with `key`: the answer.
async fn sign_in(router: &Router, request: &str, action: &str, key: &str) -> Reply {
    let page = format!("/r/{request}/{action}");
    let form = Form::of(&get(router, page.trim_end_matches('/'), &[]).await.text).with("api_key", key);
    ask(router, Method::POST, "/sign-in", &[("origin", PORTAL)], &encoded(&form.0)).await
}

fn cookie(reply: &Reply) -> String {
    reply.header("set-cookie").split(';').next().unwrap().to_owned()
}

#[test]
fn a_key_signs_in_and_opens_the_requests_of_its_customer_only() {
    on_sqlite(|bench| async move {
        let shop = Shop::open(&bench).await;
        let router = bench.with(|settings| settings.sign_in = SignIn::Key);
        let (buyer, other) = (shop.buyer("starter").await, shop.buyer("starter").await);
        let request = shop.refused(Some(&buyer), Reason::InsufficientBalance, json!({})).await;
        let page = format!("/r/{request}");
        let asked = get(&router, &page, &[]).await;
        assert_eq!(asked.status, StatusCode::UNAUTHORIZED);
        assert!(!asked.text.contains(&buyer.id) && asked.text.contains("type=\"password\""));

        let wrong = sign_in(&router, &request, "top_up", "tg_test_nonsense").await;
        assert!(wrong.status == 400 && wrong.text.contains("Api key: expected"), "{}", wrong.text);
        assert!(!wrong.text.contains("nonsense"), "what was entered is not shown again");

        let signed = sign_in(&router, &request, "top_up", &buyer.key).await;
        assert_eq!((signed.status, signed.header("location")), (StatusCode::SEE_OTHER, &*format!("{page}/top_up")));
        let set = signed.header("set-cookie");
        assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax") && !set.contains("Secure"), "{set}");
        assert!(!set.contains(&buyer.key));
        let cookie_of_buyer = cookie(&signed);
        let seen = get(&router, &page, &[("cookie", &cookie_of_buyer)]).await;
        assert!(seen.status == 200 && seen.text.contains(&buyer.id), "{}", seen.text);

        let cookie_of_other = cookie(&sign_in(&router, &request, "", &other.key).await);
        let refused = get(&router, &page, &[("cookie", &cookie_of_other)]).await;
        assert!(refused.status == 403 && !refused.text.contains(&buyer.id), "{}", refused.text);

        let out =
            ask(&router, Method::POST, "/sign-out", &[("cookie", &cookie_of_buyer), ("origin", PORTAL)], "").await;
        assert_eq!(out.header("location"), "/");
        assert_eq!(get(&router, &page, &[("cookie", &cookie_of_buyer)]).await.status, StatusCode::UNAUTHORIZED);

        // A key that is revoked ends what it opened.
        let cookie = cookie(&sign_in(&router, &request, "", &buyer.key).await);
        bench.admin(Method::DELETE, &format!("/keys/{}", buyer.key_id), None).await;
        assert_eq!(get(&router, &page, &[("cookie", &cookie)]).await.status, StatusCode::UNAUTHORIZED);
        assert_eq!(sign_in(&router, &request, "", &buyer.key).await.status, 400);
    });
}

#[test]
fn cookies_are_secure_through_tls_and_go_nowhere_else() {
    on_sqlite(|bench| async move {
        let shop = Shop::open(&bench).await;
        let buyer = shop.buyer("starter").await;
        let router = bench.with(|settings| {
            settings.sign_in = SignIn::Key;
            settings.portal_url = "https://portal.acme.test".to_owned();
        });
        let request = shop.refused(Some(&buyer), Reason::InsufficientBalance, json!({})).await;
        let form = Form::of(&get(&router, &format!("/r/{request}"), &[]).await.text).with("api_key", &buyer.key);
        let places = [("//evil.test", "", "/"), (&*request, "//evil.test", &*format!("/r/{request}"))]
            .map(|(request, action, to)| (form.with("request", request).with("action", action), to.to_owned()));
        for (form, to) in places {
            let headers = [("origin", "https://portal.acme.test")];
            let signed = ask(&router, Method::POST, "/sign-in", &headers, &encoded(&form.0)).await;
            assert!(signed.header("set-cookie").contains("; Secure"));
            assert_eq!(signed.header("location"), to, "no open redirect");
        }
    });
}

#[test]
fn a_restricted_key_pays_and_lifts_no_restriction() {
    on_sqlite(|bench| async move {
        let shop = Shop::open(&bench).await;
        let router = bench.with(|settings| settings.sign_in = SignIn::Key);
        let buyer = shop.buyer("starter").await;
        let request = shop.refused(Some(&buyer), Reason::ScopeMissing, json!({})).await;
        let restricted = shop.key(&buyer, json!({ "apis": ["rest"], "scopes": ["records:write"] })).await;
        let carrier = shop.key(&buyer, json!({ "scopes": ["records:write"] })).await;
        let try_with = async |key: &str, action: &str| {
            let url = format!("/r/{request}/{action}");
            let cookie = cookie(&sign_in(&router, &request, action, key).await);
            let page = get(&router, &url, &[("cookie", &cookie)]).await;
            let form = Form::of(&page.text);
            ask(&router, Method::POST, &url, &[("cookie", &cookie), ("origin", PORTAL)], &encoded(&form.0)).await.status
        };
        assert_eq!(try_with(&restricted, "top_up").await, 200);
        assert_eq!(try_with(&restricted, "change_key").await, 403);
        assert_eq!(try_with(&restricted, "create_key").await, 403);
        assert_eq!(try_with(&buyer.key, "change_key").await, 403, "it does not carry the scope itself");
        assert_eq!(try_with(&carrier, "change_key").await, 200);
    });
}

#[test]
fn a_key_that_expires_opens_nothing_that_lasts_longer() {
    on_sqlite(|bench| async move {
        let shop = Shop::open(&bench).await;
        let router = bench.with(|settings| settings.sign_in = SignIn::Key);
        let buyer = shop.buyer("starter").await;
        let request = shop.refused(Some(&buyer), Reason::ScopeMissing, json!({})).await;
        let keys = format!("/customers/{}/keys", buyer.id);
        let expiring = shop.expiring_key(&buyer, json!({ "scopes": ["records:write"] }), "2026-11-22T00:00:00Z").await;
        let cookie = cookie(&sign_in(&router, &request, "create_key", &expiring).await);
        let send = async |action: &str| {
            let url = format!("/r/{request}/{action}");
            let page = get(&router, &url, &[("cookie", &cookie)]).await;
            let form = Form::of(&page.text);
            let headers = [("cookie", &*cookie), ("origin", PORTAL)];
            let reply = ask(&router, Method::POST, &url, &headers, &encoded(&form.0)).await;
            (page.text, reply)
        };
        let (page, created) = send("create_key").await;
        assert!(page.contains("It expires at 2026-11-22T00:00:00Z"), "{page}");
        assert_eq!(created.status, 200, "{}", created.text);
        let keys = bench.get(&keys).await;
        let new = keys["data"].as_array().unwrap().iter().find(|key| key["name"] == "New key").unwrap();
        assert_eq!(new["expires_at"], "2026-11-22T00:00:00Z");
        let (_, changed) = send("change_key").await;
        assert!(changed.status == 403 && changed.text.contains("works longer"), "{}", changed.text);
    });
}

#[test]
fn outside_of_a_sandbox_everybody_signs_in() {
    on_sqlite(|bench| async move {
        let shop = Shop::open(&bench).await;
        let buyer = shop.buyer("starter").await;
        let request = shop.refused(Some(&buyer), Reason::InsufficientBalance, json!({})).await;
        let page = format!("/r/{request}");
        assert_eq!(get(bench.router(), &page, &[]).await.status, StatusCode::OK);
        let live = bench.with(|settings| settings.sandbox = crate::Sandbox::Off);
        assert_eq!(get(&live, &page, &[]).await.status, StatusCode::UNAUTHORIZED);
    });
}

#[test]
fn requests_without_a_customer_need_no_sign_in_and_unknown_ones_have_a_page() {
    on_sqlite(|bench| async move {
        let shop = Shop::open(&bench).await;
        let router = bench.with(|settings| settings.sign_in = SignIn::Key);
        let request = shop.refused(None, Reason::ApiKeyMissing, json!({})).await;
        let page = get(&router, &format!("/r/{request}"), &[]).await;
        assert!(page.status == 200 && page.text.contains("API key missing"));
        let how = get(&router, &format!("/r/{request}/send_key"), &[]).await;
        assert!(how.status == 200 && how.text.contains("x-api-key"), "{}", how.text);
        assert_eq!(get(&router, &format!("/r/{request}/create_key"), &[]).await.status, StatusCode::UNAUTHORIZED);

        for path in ["/r/req_00000000000000000000000000", "/r/nonsense", "/r/../x", "/r/req_0/top_up", "/nowhere"] {
            let page = get(&router, path, &[]).await;
            assert!(page.status == 404 && page.text.contains("<h1>Not found</h1>"), "{path}: {}", page.text);
        }
        let no_action = get(&router, &format!("/r/{request}/fly"), &[]).await;
        assert_eq!(no_action.status, 404);
        let json = get(&router, "/r/nonsense/top_up", &[("accept", "application/json")]).await;
        assert_eq!(
            (json.header("content-type"), &json.json()["code"]),
            ("application/problem+json", &json!("not_found"))
        );
    });
}

#[test]
fn forms_of_other_sites_and_other_pages_do_nothing() {
    on_sqlite(|bench| async move {
        let shop = Shop::open(&bench).await;
        let buyer = shop.buyer("starter").await;
        let request = shop.refused(Some(&buyer), Reason::InsufficientBalance, json!({})).await;
        let url = format!("/r/{request}/top_up");
        let form = shop.form(&url).await;
        let router = bench.router();
        let body = encoded(&form.0);
        for headers in [
            &[("origin", "https://evil.test")][..],
            &[("origin", "null"), ("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site")],
        ] {
            let reply = ask(router, Method::POST, &url, headers, &body).await;
            assert!(reply.status == 403 && reply.text.contains("another web site"), "{headers:?}");
        }
        let here = [("origin", PORTAL)];
        for token in ["", "x", "nonce.signature", shop.form(&format!("/r/{request}/create_key")).await.value("token")] {
            let stale = ask(router, Method::POST, &url, &here, &encoded(&form.with("token", token).0)).await;
            assert!(stale.status == 409 && stale.text.contains("out of date"), "{}", stale.text);
        }
        let large = format!("{body}&x={}", "y".repeat(20_000));
        assert_eq!(ask(router, Method::POST, &url, &here, &large).await.status, 413);
        let twice = ask(router, Method::POST, &url, &here, &format!("{body}&amount=1")).await;
        assert!(twice.status == 400 && twice.text.contains("Amount: expected one value"), "{}", twice.text);
        assert_eq!(shop.balance(&buyer).await, "0.00");
        assert_eq!(ask(router, Method::POST, &url, &here, &body).await.status, 200);
    });
}

#[test]
fn front_ends_ask_and_pay_in_json_with_a_key() {
    on_sqlite(|bench| async move {
        let shop = Shop::open(&bench).await;
        let buyer = shop.buyer("starter").await;
        let app = "https://app.acme.test";
        let router = bench.with(|settings| {
            settings.sign_in = SignIn::Key;
            settings.front_ends = vec![app.to_owned()];
        });
        let request = shop.refused(Some(&buyer), Reason::InsufficientBalance, json!({})).await;
        let url = format!("/r/{request}/top_up");
        let bearer = format!("Bearer {}", buyer.key);
        let headers = [
            ("accept", "application/json"),
            ("content-type", "application/json"),
            ("origin", app),
            ("authorization", &bearer),
        ];
        let preflight = ask(&router, Method::OPTIONS, &url, &[("origin", app)], "").await;
        assert_eq!(preflight.status, 204);
        assert_eq!(preflight.header("access-control-allow-origin"), app);
        assert_eq!(ask(&router, Method::OPTIONS, &url, &[("origin", "https://evil.test")], "").await.status, 403);

        let cookie = cookie(&sign_in(&router, &request, "", &buyer.key).await);
        let by_cookie = [("accept", "application/json"), ("origin", app), ("cookie", &cookie)];
        assert_eq!(get(&router, &url, &by_cookie).await.status, 401, "a cookie is not a front end's to use");

        let sheet = get(&router, &url, &headers).await;
        assert_eq!(sheet.header("access-control-allow-origin"), app);
        let sheet = sheet.json();
        assert_eq!(sheet["fields"][0]["type"], "amount");
        let mut fields = json!({
            "token": sheet["token"], "amount": "12.50", "card_number": "4000000000000002", "card_expires": "12/34",
        });
        let declined = ask(&router, Method::POST, &url, &headers, &fields.to_string()).await;
        assert_eq!((declined.status.as_u16(), &declined.json()["code"]), (402, &json!("payment_declined")));
        fields["token"] = declined.json()["sheet"]["token"].clone();
        fields["card_number"] = "4242424242424242".into();
        for _ in 0..2 {
            let paid = ask(&router, Method::POST, &url, &headers, &fields.to_string()).await;
            assert_eq!(paid.json()["done"]["title"], "USD 12.50 added", "{}", paid.text);
        }
        assert_eq!(shop.balance(&buyer).await, "12.50");
        let nonsense = [("accept", "application/json"), ("origin", app), ("authorization", "Bearer tg_test_x")];
        assert_eq!(get(&router, &url, &nonsense).await.json()["code"], "sign_in_required");
        let no_texts = ask(&router, Method::POST, &url, &headers, r#"{"amount":5}"#).await;
        assert_eq!(no_texts.json()["field"], "body");
    });
}

#[test]
fn every_page_is_protected_and_only_the_playground_has_a_script() {
    on_sqlite(|bench| async move {
        let shop = Shop::open(&bench).await;
        let buyer = shop.buyer("starter").await;
        let request = shop.refused(Some(&buyer), Reason::InsufficientBalance, json!({})).await;
        let playground = Playground {
            customer: buyer.id.parse().unwrap(),
            key: buyer.key.clone(),
            path: "/rest/report".to_owned(),
            price: Money::new(Nanos::units(5), Currency::USD),
        };
        let router = bench.with(|settings| settings.playground = Some(playground));
        let pages = [
            "/".to_owned(),
            format!("/r/{request}"),
            format!("/r/{request}/top_up"),
            "/docs".to_owned(),
            "/docs/client-module".to_owned(),
            "/docs/configuration".to_owned(),
            "/docs/errors".to_owned(),
            "/docs/errors/insufficient_balance".to_owned(),
            "/docs/errors/nonsense".to_owned(),
            "/playground".to_owned(),
            "/nowhere".to_owned(),
        ];
        for path in pages {
            let page = get(&router, &path, &[]).await;
            let policy = page.header("content-security-policy");
            assert!(policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{path}");
            assert!(!policy.contains("unsafe"), "{path}");
            assert_eq!(policy.contains("script-src"), path == "/playground", "{path}");
            assert_eq!(page.header("x-content-type-options"), "nosniff", "{path}");
            assert_eq!(page.header("referrer-policy"), "no-referrer", "{path}");
            assert!(page.text.contains("<html lang=\"en\">") && page.text.matches("<h1").count() == 1, "{path}");
            assert!(!page.text.contains("<style") && !page.text.contains(" style=") && !page.text.contains(" onclick"));
            assert_eq!(page.text.contains("<script"), path == "/playground", "{path}");
        }
        let policy = get(&router, "/playground", &[]).await;
        assert!(policy.header("content-security-policy").contains("connect-src 'self' http://localhost:4020;"));
        for asset in ["tollgate.css", "tollgate-402.js", "playground.js", "icon.svg"] {
            let reply = get(&router, &format!("/assets/{asset}"), &[]).await;
            assert!(reply.status == 200 && reply.header("x-content-type-options") == "nosniff", "{asset}");
        }
        assert_eq!(get(bench.router(), "/playground", &[]).await.status, 404);
        assert_eq!(get(bench.router(), "/assets/../Cargo.toml", &[]).await.status, 404);
    });
}

#[test]
fn the_start_page_shows_requests_to_try_in_a_sandbox_only() {
    on_sqlite(|bench| async move {
        let scenario = crate::Scenario {
            reason: "insufficient_balance".to_owned(),
            status: 402,
            curl: "curl -i http://localhost:4020/records/17 -H 'x: <y>'".to_owned(),
        };
        let router = bench.with(|settings| settings.scenarios = vec![scenario.clone()]);
        let start = get(&router, "/", &[]).await.text;
        assert!(start.contains("/docs/errors/insufficient_balance") && start.contains("4242"), "{start}");
        assert!(!start.contains("<y>"), "texts are escaped");
        let live = bench.with(|settings| settings.sandbox = crate::Sandbox::Off);
        let start = get(&live, "/", &[]).await.text;
        assert!(!start.contains("4242") && !start.contains("Sandbox"), "{start}");

        let shop = Shop::open(&bench).await;
        let buyer = shop.buyer("starter").await;
        let request = shop.refused(Some(&buyer), Reason::InsufficientBalance, json!({})).await;
        let page = get(&router, &format!("/r/{request}"), &[]).await.text;
        assert!(page.contains("Send it again") && page.contains("/records/17"), "{page}");
        let cookie = cookie(&sign_in(&live, &request, "", &buyer.key).await);
        let paying = get(&live, &format!("/r/{request}/top_up"), &[("cookie", &cookie)]).await.text;
        assert!(paying.contains("Nothing can be paid on this page"), "simulated money buys nothing: {paying}");
    });
}
