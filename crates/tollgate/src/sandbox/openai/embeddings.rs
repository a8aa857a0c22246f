//! Embeddings: each token moves the vector, so texts with the same words lie close together.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::sandbox::fault::Fault;
use crate::sandbox::knobs::Knobs;
use crate::sandbox::model::Model;
use crate::sandbox::text;

const DIMENSIONS: i64 = 64;
const DIMENSIONS_MAX: i64 = 3_072;

/// A request for embeddings. The official Python client asks for base64 unless told otherwise.
#[derive(Debug, Deserialize)]
pub(super) struct EmbeddingsRequest {
    model: Option<String>,
    input: Option<Input>,
    dimensions: Option<i64>,
    encoding_format: Option<Encoding>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Input {
    Text(String),
    Texts(Vec<String>),
    Tokens(Vec<u32>),
    TokenLists(Vec<Vec<u32>>),
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Encoding {
    Float,
    Base64,
}

impl EmbeddingsRequest {
    /// The embeddings and their usage.
    pub(super) async fn answer(&self, knobs: &Knobs) -> Result<Value, Fault> {
        let name = self.model.as_deref().ok_or(Fault::Missing("model"))?;
        let model = Model::named(name).ok_or_else(|| Fault::UnknownModel(name.to_owned()))?;
        let inputs = self.input.as_ref().ok_or(Fault::Missing("input"))?.tokens();
        let dimensions = self.dimensions.unwrap_or(DIMENSIONS);
        let length = usize::try_from(dimensions).ok().filter(|_| (1..=DIMENSIONS_MAX).contains(&dimensions));
        let out_of_range = Fault::OutOfRange { field: "dimensions", value: dimensions, least: 1, most: DIMENSIONS_MAX };
        let length = length.ok_or(out_of_range)?;
        knobs.fault()?;
        model.misbehave().await?;

        let data: Vec<_> = inputs
            .iter()
            .enumerate()
            .map(|(index, tokens)| {
                let embedding = self.encoded(&embedding(tokens, length));
                json!({ "object": "embedding", "index": index, "embedding": embedding })
            })
            .collect();
        let mut answer = json!({ "object": "list", "data": data, "model": name });
        let used: usize = inputs.iter().map(Vec::len).sum();
        match model {
            _ if knobs.hides_usage => (),
            Model::NoUsage => (),
            Model::WrongUsage => answer["usage"] = json!({ "prompt_tokens": -7, "total_tokens": 3 }),
            _ => answer["usage"] = json!({ "prompt_tokens": used, "total_tokens": used }),
        }
        Ok(answer)
    }

    fn encoded(&self, embedding: &[f32]) -> Value {
        match self.encoding_format.unwrap_or(Encoding::Float) {
            Encoding::Float => json!(embedding),
            Encoding::Base64 => {
                let bytes: Vec<u8> = embedding.iter().flat_map(|value| value.to_le_bytes()).collect();
                json!(BASE64.encode(bytes))
            }
        }
    }
}

impl Input {
    /// A seed for every token of every input.
    fn tokens(&self) -> Vec<Vec<u64>> {
        let of_text = |input: &String| text::tokens(input).map(|token| text::seed(token.trim().as_bytes())).collect();
        let of_tokens = |input: &Vec<u32>| input.iter().map(|token| text::seed(&token.to_le_bytes())).collect();
        match self {
            Self::Text(input) => vec![of_text(input)],
            Self::Texts(inputs) => inputs.iter().map(of_text).collect(),
            Self::Tokens(input) => vec![of_tokens(input)],
            Self::TokenLists(inputs) => inputs.iter().map(of_tokens).collect(),
        }
    }
}

/// A vector of length one.
fn embedding(tokens: &[u64], length: usize) -> Vec<f32> {
    let mut vector = vec![0.0_f32; length];
    for &token in tokens {
        let mut chance = text::Chance(token);
        for _ in 0..4 {
            let sign = if chance.below(2) == 0 { 1.0 } else { -1.0 };
            vector[chance.below(length)] += sign;
        }
    }
    let norm = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    if norm > 0.0 {
        vector.iter_mut().for_each(|value| *value /= norm);
    }
    vector
}
