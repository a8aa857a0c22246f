//! A language model that speaks Gemini's format: `generateContent`, `streamGenerateContent` with `alt=sse`,
//! and `countTokens`.
//!
//! `maxOutputTokens`, `stopSequences`, `functionDeclarations` and a function calling mode of `NONE` do what
//! they do at Google; other members are accepted and ignored. Thoughts are not among the candidates' tokens.

mod content;
mod error;
mod request;

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::json;

use super::body::Body;
use super::deliver::{self, Stream};
use super::fault::Fault;
use super::json;
use super::knobs::Knobs;
use super::model::Model;
use content::Content;
use request::ContentRequest;

/// `POST /v1beta/models/{model}:{verb}`
pub(super) async fn serve(request: Request<Incoming>) -> Response<Body> {
    answer(request).await.unwrap_or_else(|fault| error::answer(&fault))
}

async fn answer(request: Request<Incoming>) -> Result<Response<Body>, Fault> {
    let knobs = Knobs::of(request.headers());
    let path = request.uri().path().to_owned();
    let is_sse = request.uri().query().is_some_and(|query| query.split('&').any(|pair| pair == "alt=sse"));
    let (name, verb) = path.rsplit('/').next().and_then(|call| call.split_once(':')).unwrap_or((&path, ""));
    let model = Model::named(name).ok_or_else(|| Fault::UnknownModel(name.to_owned()))?;
    let request = deliver::read::<ContentRequest>(request).await?;
    let streams = match verb {
        "countTokens" => {
            knobs.fault()?;
            return Ok(json::answer(StatusCode::OK, &json!({ "totalTokens": request.prompt()?.tokens })));
        }
        "generateContent" => false,
        "streamGenerateContent" if is_sse => true,
        "streamGenerateContent" => return Err(Fault::Missing("alt=sse")),
        _ => return Err(Fault::UnknownModel(format!("{name}:{verb}"))),
    };
    let question = request.question(model, knobs)?;
    question.misbehave().await?;
    let content = Content::write(name, &question);
    let failure = error::body(&Fault::Failed);
    if !streams {
        return Ok(deliver::whole(&question, content.tokens(), &content.whole(), &failure).await);
    }
    let (count, closing) = (content.pieces(), vec![deliver::event(&content.last())]);
    let tokens = content.into_pieces().map(|piece| deliver::event(&piece));
    let failure = deliver::event(&failure);
    Ok(deliver::stream(&question, Stream { opening: Vec::new(), tokens, count, closing, failure }))
}
