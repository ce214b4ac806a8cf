//! What a read must see, on the wire: a field of its request, and tokens in the metadata.

use proto::user::v1::Consistency as Asked;
use service_kit::error::{Violation, Violations};
use tonic::{Response, metadata::MetadataMap};

use crate::{
    app::{ConsistencyToken, Reading},
    domain::UserId,
    store::Consistency,
};

/// The metadata that carries tokens, both ways.
const TOKEN: &str = "x-consistency-token";

/// The most tokens of one read: as many as there are ids in the largest batch.
const TOKENS_MAX: usize = 100;

/// Reads what a caller says of a read.
pub(super) fn reading(violations: &mut Violations, metadata: &MetadataMap, asked: i32) -> Option<Reading> {
    let asked = violations.keep(consistency(asked));
    let tokens = violations.keep(tokens(metadata));
    Some(Reading { asked: asked?, tokens: tokens? })
}

/// Reads the field of a request.
pub(super) fn consistency(asked: i32) -> Result<Option<Consistency>, Violation> {
    match Asked::try_from(asked) {
        Ok(Asked::Unspecified) => Ok(None),
        Ok(Asked::Eventual) => Ok(Some(Consistency::Eventual)),
        Ok(Asked::Strong) => Ok(Some(Consistency::Strong)),
        Err(_) => {
            Err(Violation::new("consistency", "CONSISTENCY_INVALID", "must be EVENTUAL, STRONG or not given"))
        }
    }
}

/// Reads the tokens: several in one value have commas between them.
fn tokens(metadata: &MetadataMap) -> Result<Vec<ConsistencyToken>, Violation> {
    let refuse = |rule| Violation::new(TOKEN, "CONSISTENCY_TOKEN_INVALID", rule);
    let mut tokens = Vec::new();
    for value in metadata.get_all(TOKEN) {
        let value = value.to_str().map_err(|_| refuse("must be text"))?;
        for token in value.split(',') {
            if tokens.len() == TOKENS_MAX {
                return Err(refuse("must be at most 100 tokens"));
            }
            tokens.push(token.trim().parse().map_err(|_| refuse("must be as a write answered it"))?);
        }
    }
    Ok(tokens)
}

/// The answer to a write, with the token that makes reads see it.
pub(super) fn written<T>(answer: T, user: UserId, version: u64) -> Response<T> {
    let mut response = Response::new(answer);
    let token = ConsistencyToken { user, version }.to_string().parse();
    response.metadata_mut().insert(TOKEN, token.expect("digits, letters, '-' and ':' are metadata"));
    response
}
