//! `user.v1.ProfileService`.

use std::sync::Arc;

use async_trait::async_trait;
use proto::user::v1::{
    GetProfileRequest, GetProfileResponse, UpdateProfileRequest, UpdateProfileResponse,
    profile_service_server::ProfileService,
};
use service_kit::{error::Violations, requests};
use tonic::{Request, Response, Status};

use super::{
    convert,
    reading::{reading, written},
};
use crate::{
    app::Profiles,
    domain::{Attributes, DisplayName, Locale, ProfileChange, UserId, version_of},
    error::Error,
};

/// The service as gRPC sees it.
#[derive(Clone, Debug)]
pub struct ProfileApi(Arc<Profiles>);

impl ProfileApi {
    /// An API of these use cases.
    #[must_use]
    pub fn new(profiles: Arc<Profiles>) -> Self {
        Self(profiles)
    }
}

#[async_trait]
impl ProfileService for ProfileApi {
    async fn get_profile(
        &self,
        request: Request<GetProfileRequest>,
    ) -> Result<Response<GetProfileResponse>, Status> {
        let (metadata, _, message) = request.into_parts();
        let mut violations = Violations::default();
        let id = violations.keep(UserId::parse("user_id", &message.user_id));
        let reading = reading(&mut violations, &metadata, message.consistency);
        let (id, reading) = violations.finish(|| Some((id?, reading?))).map_err(Error::Invalid)?;
        let profile = self.0.read(id, &reading).await?;
        Ok(Response::new(GetProfileResponse { profile: Some(convert::profile(&profile)) }))
    }

    async fn update_profile(
        &self,
        request: Request<UpdateProfileRequest>,
    ) -> Result<Response<UpdateProfileResponse>, Status> {
        let message = request.into_inner();
        let new = message.profile.clone().unwrap_or_default();
        let mut violations = Violations::default();
        let id = violations.keep(UserId::parse("profile.user_id", &new.user_id));
        let seen = violations.keep(version_of("profile.etag", &new.etag));
        let request =
            violations.keep(requests::Request::of_message("UpdateProfile", &message.request_id, &message));
        let mut change = ProfileChange::default();
        let paths = message.update_mask.unwrap_or_default().paths;
        if paths.is_empty() {
            violations.add("update_mask", "UPDATE_MASK_MISSING", "must name at least one field");
        }
        for path in paths {
            match path.as_str() {
                "display_name" => {
                    change.display_name =
                        violations.keep(DisplayName::parse("profile.display_name", &new.display_name));
                }
                "locale" => change.locale = violations.keep(Locale::parse("profile.locale", &new.locale)),
                "attributes" => {
                    change.attributes =
                        violations.keep_all(Attributes::parse("profile.attributes", new.attributes.clone()));
                }
                _ => violations.add(
                    "update_mask",
                    "UPDATE_MASK_INVALID",
                    "may name display_name, locale and attributes",
                ),
            }
        }
        let (id, seen, request) =
            violations.finish(|| Some((id?, seen?, request?))).map_err(Error::Invalid)?;
        let profile = self.0.update(id, change, seen, request).await?;
        let answer = UpdateProfileResponse { profile: Some(convert::profile(&profile)) };
        Ok(written(answer, id, profile.version))
    }
}
