//! The answers to calls that are turned away, written down once.

use http::{HeaderMap, HeaderValue, Response};
use mesh_policy::Criticality;

use super::limiter::Overload;
use crate::{
    criticality::CLASSES,
    error::MeshError,
    pushback::{NEVER, PUSHBACK},
};

/// When to come again after a brief overload: four of the shortest windows, in which the limit can move.
const SOON: HeaderValue = HeaderValue::from_static("100");

/// An answer for each class, with and without a second chance. Turning a call away encodes nothing.
#[derive(Debug)]
pub(super) struct Refusals([[HeaderMap; 2]; 3]);

impl Refusals {
    pub(super) fn new() -> Self {
        let refusal = |criticality, pushback| {
            let response: Response<()> = MeshError::LoadShed { criticality }.into_response();
            let mut headers = response.into_parts().0.headers;
            headers.insert(PUSHBACK, pushback);
            headers
        };
        Self(CLASSES.map(|class| [refusal(class, SOON), refusal(class, NEVER)]))
    }

    pub(super) fn answer<B: Default>(&self, class: Criticality, overload: Overload) -> Response<B> {
        let mut response = Response::new(B::default());
        *response.headers_mut() = self.0[class as usize][overload as usize].clone();
        response
    }
}

#[cfg(test)]
mod tests {
    use tonic::{Code, Status};
    use tonic_types::StatusExt as _;

    use super::*;

    #[test]
    fn says_why_and_when_to_come_again() {
        let refusals = Refusals::new();
        for (overload, pushback) in [(Overload::Brief, "100"), (Overload::Lasting, "-1")] {
            let response: Response<()> = refusals.answer(Criticality::Default, overload);
            assert_eq!(response.headers()["content-type"], "application/grpc");
            assert_eq!(response.headers()[PUSHBACK], pushback);
            let status = Status::from_header_map(response.headers()).unwrap();
            let info = status.get_details_error_info().unwrap();
            assert_eq!((status.code(), info.reason.as_str()), (Code::ResourceExhausted, "LOAD_SHED"));
            assert_eq!(info.metadata["criticality"], "default");
        }
    }
}
