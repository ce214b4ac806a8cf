//! Reads the policy of every method and refuses the unsafe ones.

use mesh_policy::{FieldShape, MethodPolicy, RequestShape, check_contract};
use prost_reflect::{DescriptorPool, ExtensionDescriptor, MethodDescriptor};

use crate::error::{BuildError, Reason, Refusal};
use crate::options;
use crate::shape::field_shape;

/// The policies of all methods in `files`, sorted by path.
pub(crate) fn policies(pool: &DescriptorPool, files: &[String]) -> Result<Vec<MethodPolicy>, BuildError> {
    // Without the definition of the option no method can have it, and each is refused for that.
    let option = pool.get_extension_by_name(options::NAME);
    let mut policies = Vec::new();
    let mut refusals = Vec::new();
    for file in files.iter().filter_map(|file| pool.get_file_by_name(file)) {
        for service in file.services() {
            for method in service.methods() {
                let mut reasons = Vec::new();
                policies.extend(judge(option.as_ref(), &method, &mut reasons)?);
                refusals.extend(reasons.into_iter().map(|reason| refusal(&method, reason)));
            }
        }
    }
    if !refusals.is_empty() {
        return Err(BuildError::Unsafe(refusals));
    }
    policies.sort_unstable_by_key(|policy| policy.path);
    Ok(policies)
}

/// The method's policy; what is wrong with it goes to `reasons`.
fn judge(
    option: Option<&ExtensionDescriptor>,
    method: &MethodDescriptor,
    reasons: &mut Vec<Reason>,
) -> Result<Option<MethodPolicy>, BuildError> {
    let Some(promise) = options::read(option, method, reasons)? else {
        reasons.push(Reason::NoPolicy);
        return Ok(None);
    };
    // What could not be read in full is not judged: its numbers are not the ones that were meant.
    if reasons.is_empty() {
        let input = method.input();
        let shape = RequestShape {
            request_id: field_shape(&input, "request_id"),
            hash_key: promise
                .policy
                .hash_key
                .map_or(FieldShape::Missing, |key| field_shape(&input, key.name)),
            naturally_idempotent: promise.naturally_idempotent,
        };
        reasons.extend(check_contract(&promise.policy, &shape).into_iter().map(Reason::Unsafe));
    }
    Ok(Some(promise.policy))
}

fn refusal(method: &MethodDescriptor, reason: Reason) -> Refusal {
    let file = method.parent_file();
    let line = file.file_descriptor_proto().source_code_info.as_ref().and_then(|info| {
        let place = info.location.iter().find(|place| place.path == method.path())?;
        let first = place.span.first()?;
        usize::try_from(*first).ok()?.checked_add(1)
    });
    Refusal {
        file: file.name().to_owned(),
        line,
        method: format!("{}/{}", method.parent_service().full_name(), method.name()),
        reason,
    }
}
