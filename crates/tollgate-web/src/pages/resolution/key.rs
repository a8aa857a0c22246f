//! Keys: what one may do, and a new one.

use tollgate_store::api_key::Mode;
use tollgate_store::definition::ApiDefinition;
use tollgate_store::keys::{ApiKey, KeyPolicy, NewApiKey};

use crate::pages::done::Done;
use crate::pages::form::{Fields, Token};
use crate::pages::sheet::{Field, Sheet};
use crate::pages::stop::Stop;
use crate::pages::visit::Visit;

/// What the request asked of its key.
struct Wanted {
    scope: Option<String>,
    api: String,
    model: String,
}

async fn wanted(visit: &Visit) -> Result<Wanted, Stop> {
    let incident = &visit.incident;
    let apis = visit.web.store().published::<ApiDefinition>().await?;
    let api = apis.iter().find(|api| api.definition.key == incident.api());
    let route = api.and_then(|api| api.definition.routes.iter().find(|route| route.key == incident.route()));
    Ok(Wanted {
        scope: route.and_then(|route| route.scope.clone()),
        api: incident.api().to_owned(),
        model: incident.call.model.clone(),
    })
}

impl Wanted {
    /// What `policy` lacks, for a person.
    fn lacks(&self, policy: &KeyPolicy) -> Vec<String> {
        let mut lacks = Vec::new();
        if let Some(scope) = self.missing_scope(policy) {
            lacks.push(format!("the scope {scope}"));
        }
        if !policy.apis.is_empty() && !policy.apis.contains(&self.api) {
            lacks.push(format!("the API {}", self.api));
        }
        if !self.model.is_empty() && !policy.models.is_empty() && !policy.models.contains(&self.model) {
            lacks.push(format!("the model {}", self.model));
        }
        lacks
    }

    fn missing_scope(&self, policy: &KeyPolicy) -> Option<&String> {
        self.scope.as_ref().filter(|scope| !policy.scopes.contains(scope))
    }

    /// Lets `policy` do it.
    fn grant(&self, policy: &mut KeyPolicy) {
        if let Some(scope) = self.missing_scope(policy).cloned() {
            policy.scopes.push(scope);
        }
        if !policy.apis.is_empty() && !policy.apis.contains(&self.api) {
            policy.apis.push(self.api.clone());
        }
        if !self.model.is_empty() && !policy.models.is_empty() && !policy.models.contains(&self.model) {
            policy.models.push(self.model.clone());
        }
    }
}

async fn used(visit: &Visit) -> Result<ApiKey, Stop> {
    let id = visit.incident.call.key.ok_or_else(|| Stop::Impossible("The request came without a key.".to_owned()))?;
    Ok(visit.web.store().key(id.0).await?)
}

fn is_bound(policy: &KeyPolicy) -> bool {
    !policy.origins.is_empty() || !policy.networks.is_empty()
}

pub(super) async fn change_sheet(visit: &Visit) -> Result<Sheet, Stop> {
    let key = used(visit).await?;
    let lacks = wanted(visit).await?.lacks(&key.policy);
    let mut text = vec![format!("The key is \u{201c}{}\u{201d} ({}).", key.name, key.hint)];
    let mut fields = Vec::new();
    if !lacks.is_empty() {
        text.push(format!("It will be allowed {} as well.", lacks.join(" and ")));
    } else if is_bound(&key.policy) {
        let places: Vec<&str> = key.policy.origins.iter().chain(&key.policy.networks).map(String::as_str).collect();
        text.push(format!("It may be used from {} only.", places.join(", ")));
        fields.push(Field::Text {
            name: "place",
            label: "Allow it from here as well".to_owned(),
            value: String::new(),
            hint: "A web origin such as https://app.example.com, or an address or network such as 203.0.113.0/24."
                .to_owned(),
        });
    } else {
        text.push("It may do this now. Send your request again.".to_owned());
        return Ok(Sheet::notice("Nothing to change", text));
    }
    Ok(Sheet { fields, button: Some("Change the key".to_owned()), ..Sheet::notice("Change what the key may do", text) })
}

pub(super) async fn change(visit: &Visit, fields: &Fields, token: &Token) -> Result<Done, Stop> {
    visit.must_be_unrestricted()?;
    let key = used(visit).await?;
    visit.must_outlast(&key)?;
    let wanted = wanted(visit).await?;
    let mut policy = key.policy.clone();
    if wanted.lacks(&policy).is_empty() {
        let place = fields.get("place").trim_end_matches('/').to_owned();
        match place.contains("://") {
            _ if place.is_empty() => return Err(Stop::invalid("place", "a web origin, an address or a network")),
            true => policy.origins.push(place),
            false => policy.networks.push(place),
        }
    } else {
        if let Some(scope) = wanted.missing_scope(&policy) {
            visit.must_carry(scope)?;
        }
        wanted.grant(&mut policy);
    }
    let mut change = visit.change().await?;
    match change.update_key(key.id.0, &policy, key.expires_at.map(|at| at.0)).await {
        Ok(_) => (),
        Err(tollgate_store::StoreError::Invalid { expected, .. }) => return Err(Stop::invalid("place", expected)),
        Err(error) => return Err(error.into()),
    }
    Done::new("Key changed", vec![format!("The key \u{201c}{}\u{201d} may do this now.", key.name)])
        .commit(change, token)
        .await
}

pub(super) async fn create_sheet(visit: &Visit) -> Result<Sheet, Stop> {
    let mut text = vec!["The key is shown once, right after it is created. Keep it like a password.".to_owned()];
    if let Some(scope) = wanted(visit).await?.scope {
        text.push(format!("It carries the scope {scope}, which the request asked for."));
    }
    if let Some(at) = visit.expires_at() {
        text.push(format!("It expires at {}, together with the key that you signed in with.", at.0));
    }
    Ok(Sheet {
        fields: vec![Field::Text {
            name: "name",
            label: "Name".to_owned(),
            value: "New key".to_owned(),
            hint: "Where it will be used, so that you recognise it later.".to_owned(),
        }],
        button: Some("Create the key".to_owned()),
        ..Sheet::notice("Create an API key", text)
    })
}

pub(super) async fn create(visit: &Visit, fields: &Fields, token: &Token) -> Result<Done, Stop> {
    visit.must_be_unrestricted()?;
    let web = &visit.web;
    let scope = wanted(visit).await?.scope;
    if let Some(scope) = &scope {
        visit.must_carry(scope)?;
    }
    let applications = web.store().applications(visit.id()).await?;
    let called = visit.incident.call.application;
    let application = applications.iter().find(|one| called == Some(one.id)).or_else(|| applications.first());
    let policy = KeyPolicy { scopes: scope.into_iter().collect(), ..KeyPolicy::default() };
    let new = NewApiKey { name: fields.get("name").to_owned(), policy, expires_at: visit.expires_at() };
    let mode = if web.is_sandbox() { Mode::Test } else { Mode::Live };
    let mut change = visit.change().await?;
    let application = match application {
        Some(application) => application.id.0,
        None => change.create_application(visit.id(), "main", &[]).await?.id.0,
    };
    let (key, text) = change.create_key(application, mode, &new).await?;
    let title = format!("Key \u{201c}{}\u{201d} created", key.name);
    let sentence = "Put it into your program in place of the old one, and send the request again.";
    let done = Done { key: Some(text), ..Done::new(title, vec![sentence.to_owned()]) };
    done.commit(change, token).await
}
