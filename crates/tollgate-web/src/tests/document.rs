//! The OpenAPI document says what is there, and nothing of it is open to strangers.

use http::Method;
use serde_json::Value;

use super::bench::*;

/// Every operation: method and path.
async fn operations(bench: &Bench) -> Vec<(Method, String, Value)> {
    let request = http::Request::get("/admin/v1/openapi.json").body(axum::body::Body::empty()).unwrap();
    let document = bench.send(request).await.json();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let Ok(method) = method.to_uppercase().parse::<Method>() else { continue };
            operations.push((method, path.clone(), operation.clone()));
        }
    }
    operations.sort_by(|a, b| (&a.1, a.0.as_str()).cmp(&(&b.1, b.0.as_str())));
    operations
}

#[test]
fn every_operation_is_described() {
    on_sqlite(|bench| async move {
        let operations = operations(&bench).await;
        let list: Vec<String> = operations.iter().map(|(method, path, _)| format!("{method} {path}")).collect();
        insta::assert_snapshot!(list.join("\n"));
        for (method, path, operation) in &operations {
            assert!(operation["summary"].is_string(), "{method} {path} has no summary");
            assert!(operation["operationId"].is_string(), "{method} {path} has no id");
            for status in ["400", "401", "404", "409", "503"] {
                let content = &operation["responses"][status]["content"]["application/problem+json"];
                assert!(content["schema"].is_object(), "{method} {path} says nothing about {status}");
            }
            let parameters = operation["parameters"].as_array().map_or(&[][..], Vec::as_slice);
            for placeholder in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
                let is_described = parameters.iter().any(|p| p["name"] == placeholder && p["in"] == "path");
                assert!(is_described, "{method} {path}: {placeholder}");
            }
            if *method == Method::POST {
                let has_key = parameters.iter().any(|parameter| parameter["name"] == "Idempotency-Key");
                assert!(has_key, "{method} {path} can be repeated by accident");
            }
        }
    });
}

#[test]
fn every_reference_leads_somewhere() {
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    match member {
                        Value::String(target) if name == "$ref" => found.push(target),
                        member => references(member, found),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => (),
        }
    }
    on_sqlite(|bench| async move {
        let request = http::Request::get("/admin/v1/openapi.json").body(axum::body::Body::empty()).unwrap();
        let document = bench.send(request).await.json();
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 100);
        for target in found {
            let pointer = target.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{target} leads nowhere");
        }
    });
}

#[test]
fn nobody_without_the_token_may_do_anything() {
    on_sqlite(|bench| async move {
        let operations = operations(&bench).await;
        assert!(operations.len() > 40);
        for (method, path, _) in operations {
            for credential in [None, Some("Bearer wrong"), Some("Basic YTpi"), Some("Bearer "), Some(TOKEN)] {
                let mut request = http::Request::builder().method(method.clone()).uri(&path);
                if let Some(credential) = credential {
                    request = request.header("authorization", credential);
                }
                let reply = bench.send(request.body(axum::body::Body::empty()).unwrap()).await;
                assert_eq!(reply.status, 401, "{method} {path} {credential:?}");
                assert_eq!(reply.header("content-type"), "application/problem+json");
                assert!(reply.header("www-authenticate").starts_with("Bearer"));
            }
        }
        // Also what does not exist is not told to strangers.
        let request = http::Request::get("/admin/v1/nothing").body(axum::body::Body::empty()).unwrap();
        assert_eq!(bench.send(request).await.status, 401);
        assert_eq!(bench.admin(Method::GET, "/nothing", None).await.status, 404);
        let reply = bench.admin(Method::DELETE, "/customers", None).await;
        assert_eq!((reply.status.as_u16(), reply.header("content-type")), (405, "application/problem+json"));
        let twice = admin_request(Method::GET, "/customers", None).header("authorization", "Bearer other");
        assert_eq!(bench.send(twice.body_of()).await.status, 401, "two credentials are none");
    });
}

#[test]
fn without_a_token_there_is_no_administrator() {
    with_settings(
        |settings| settings.admin_token = String::new(),
        |bench| async move {
            let request = http::Request::get("/admin/v1/customers").header("authorization", "Bearer ");
            assert_eq!(bench.send(request.body(axum::body::Body::empty()).unwrap()).await.status, 401);
        },
    );
}
