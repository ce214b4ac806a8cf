//! `user.v1.UserService`.

use async_trait::async_trait;
use futures_util::StreamExt as _;
use proto::user::v1::{
    BatchGetUsersRequest, BatchGetUsersResponse, CreateUserRequest, CreateUserResponse, DeleteUserRequest,
    DeleteUserResponse, GetUserRequest, GetUserResponse, ImportProblem, ImportUsersRequest,
    ImportUsersResponse, ListUsersRequest, ListUsersResponse, UpdateUserRequest, UpdateUserResponse,
    get_user_request::Key, user_service_server::UserService,
};
use service_kit::{error::Violations, paging, requests};
use tonic::{Code, Request, Response, Status, Streaming};

use super::{
    convert,
    reading::{consistency, reading, written},
};
use crate::{
    app::{ImportError, ImportRow, NewUser, Summary, Users},
    domain::{DisplayName, Email, Locale, UserChange, UserId, version_of},
    error::Error,
};

/// The most ids in one `BatchGetUsers`.
const BATCH_MAX: usize = 100;

/// The name of the list in page tokens.
const LIST: &str = "user.v1.users";

/// The service as gRPC sees it.
#[derive(Clone, Debug)]
pub struct UserApi(Users);

/// By what a user is asked for.
enum By {
    Id(UserId),
    Email(Email),
}

impl UserApi {
    /// An API of these use cases.
    #[must_use]
    pub fn new(users: Users) -> Self {
        Self(users)
    }
}

#[async_trait]
impl UserService for UserApi {
    async fn create_user(
        &self,
        request: Request<CreateUserRequest>,
    ) -> Result<Response<CreateUserResponse>, Status> {
        let message = request.into_inner();
        let mut violations = Violations::default();
        let email = violations.keep(Email::parse("email", &message.email));
        let display_name = violations.keep(DisplayName::parse("display_name", &message.display_name));
        let locale = violations.keep(Locale::parse("locale", &message.locale));
        let request =
            violations.keep(requests::Request::of_message("CreateUser", &message.request_id, &message));
        let (new, request) = violations
            .finish(|| {
                Some((NewUser { email: email?, display_name: display_name?, locale: locale? }, request?))
            })
            .map_err(Error::Invalid)?;
        let user = self.0.create(new, request).await?;
        let (id, version) = (user.id, user.version);
        Ok(written(CreateUserResponse { user: Some(convert::user(user)) }, id, version))
    }

    async fn get_user(&self, request: Request<GetUserRequest>) -> Result<Response<GetUserResponse>, Status> {
        let (metadata, _, message) = request.into_parts();
        let mut violations = Violations::default();
        let reading = reading(&mut violations, &metadata, message.consistency);
        let key = match &message.key {
            Some(Key::UserId(id)) => violations.keep(UserId::parse("user_id", id)).map(By::Id),
            Some(Key::Email(email)) => violations.keep(Email::parse("email", email)).map(By::Email),
            None => {
                violations.add("key", "KEY_MISSING", "either user_id or email must be given");
                None
            }
        };
        let (key, reading) = violations.finish(|| Some((key?, reading?))).map_err(Error::Invalid)?;
        let user = match key {
            By::Id(id) => self.0.get(id, &reading).await?,
            By::Email(email) => self.0.get_by_email(&email, &reading).await?,
        };
        Ok(Response::new(GetUserResponse { user: Some(convert::user(user)) }))
    }

    async fn batch_get_users(
        &self,
        request: Request<BatchGetUsersRequest>,
    ) -> Result<Response<BatchGetUsersResponse>, Status> {
        let (metadata, _, message) = request.into_parts();
        let names = message.user_ids;
        let mut violations = Violations::default();
        let reading = reading(&mut violations, &metadata, message.consistency);
        if names.is_empty() || names.len() > BATCH_MAX {
            violations.add("user_ids", "BATCH_SIZE_INVALID", "must be 1 to 100 ids");
        }
        let parse = |(i, name): (usize, &String)| UserId::parse(&format!("user_ids[{i}]"), name);
        let ids: Vec<_> = names
            .iter()
            .take(BATCH_MAX)
            .enumerate()
            .filter_map(|name| violations.keep(parse(name)))
            .collect();
        let (ids, reading) = violations.finish(|| Some((ids, reading?))).map_err(Error::Invalid)?;
        let mut answer = BatchGetUsersResponse::default();
        for (name, found) in names.into_iter().zip(self.0.batch(&ids, &reading).await?) {
            match found {
                Some(user) => answer.users.push(convert::user(user)),
                None => answer.missing_user_ids.push(name),
            }
        }
        Ok(Response::new(answer))
    }

    async fn list_users(
        &self,
        request: Request<ListUsersRequest>,
    ) -> Result<Response<ListUsersResponse>, Status> {
        let message = request.into_inner();
        let mut violations = Violations::default();
        let size = violations.keep(paging::page_size(message.page_size));
        let after = violations.keep(paging::decode(LIST, &message.page_token).and_then(|last| {
            let id = last.map(|bytes| uuid::Uuid::from_slice(&bytes)).transpose();
            Ok(id.map_err(|_| paging::BadToken)?.map(UserId))
        }));
        let asked = violations.keep(consistency(message.consistency));
        let (after, size, asked) =
            violations.finish(|| Some((after?, size?, asked?))).map_err(Error::Invalid)?;
        let (users, more) = self.0.list(after, size, asked).await?;
        let last = users.last().filter(|_| more);
        let next_page_token = last.map(|user| paging::encode(LIST, user.id.0.as_bytes())).unwrap_or_default();
        Ok(Response::new(ListUsersResponse {
            users: users.into_iter().map(convert::user).collect(),
            next_page_token,
        }))
    }

    async fn update_user(
        &self,
        request: Request<UpdateUserRequest>,
    ) -> Result<Response<UpdateUserResponse>, Status> {
        let message = request.into_inner();
        let new = message.user.clone().unwrap_or_default();
        let mut violations = Violations::default();
        let id = violations.keep(UserId::parse("user.user_id", &new.user_id));
        let seen = violations.keep(version_of("user.etag", &new.etag));
        let request =
            violations.keep(requests::Request::of_message("UpdateUser", &message.request_id, &message));
        let mut change = UserChange::default();
        let paths = message.update_mask.unwrap_or_default().paths;
        if paths.is_empty() {
            violations.add("update_mask", "UPDATE_MASK_MISSING", "must name at least one field");
        }
        for path in paths {
            match path.as_str() {
                "email" => change.email = violations.keep(Email::parse("user.email", &new.email)),
                "display_name" => {
                    change.display_name =
                        violations.keep(DisplayName::parse("user.display_name", &new.display_name));
                }
                "locale" => change.locale = violations.keep(Locale::parse("user.locale", &new.locale)),
                _ => violations.add(
                    "update_mask",
                    "UPDATE_MASK_INVALID",
                    "may name email, display_name and locale",
                ),
            }
        }
        let (id, seen, request) =
            violations.finish(|| Some((id?, seen?, request?))).map_err(Error::Invalid)?;
        let user = self.0.update(id, change, seen, request).await?;
        let version = user.version;
        Ok(written(UpdateUserResponse { user: Some(convert::user(user)) }, id, version))
    }

    async fn delete_user(
        &self,
        request: Request<DeleteUserRequest>,
    ) -> Result<Response<DeleteUserResponse>, Status> {
        let message = request.into_inner();
        let mut violations = Violations::default();
        let id = violations.keep(UserId::parse("user_id", &message.user_id));
        let seen = violations.keep(version_of("etag", &message.etag));
        let request =
            violations.keep(requests::Request::of_message("DeleteUser", &message.request_id, &message));
        let (id, seen, request) =
            violations.finish(|| Some((id?, seen?, request?))).map_err(Error::Invalid)?;
        let version = self.0.delete(id, seen, request).await?;
        Ok(written(DeleteUserResponse {}, id, version))
    }

    async fn import_users(
        &self,
        request: Request<Streaming<ImportUsersRequest>>,
    ) -> Result<Response<ImportUsersResponse>, Status> {
        let rows = request.into_inner().map(|row| {
            row.map(|row| ImportRow {
                email: row.email,
                display_name: row.display_name,
                locale: row.locale,
                import_id: row.import_id,
            })
        });
        let summary = self.0.import(rows).await.map_err(import_status)?;
        Ok(Response::new(import_summary(summary)))
    }
}

/// A connection that broke can be tried again, so it gets an answer that says so; a row that is no row, such
/// as one that is too large, keeps its own.
fn import_status(error: ImportError<Status>) -> Status {
    match error {
        ImportError::Refused(error) => error.into(),
        ImportError::Stream { rows, error } => match error.code() {
            Code::Cancelled | Code::Unavailable | Code::Unknown => Error::ImportBroken { rows }.into(),
            _ => error,
        },
    }
}

fn import_summary(summary: Summary) -> ImportUsersResponse {
    let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    ImportUsersResponse {
        created_count: count(summary.created),
        duplicate_count: count(summary.duplicate),
        invalid_count: count(summary.invalid),
        problems: summary
            .problems
            .into_iter()
            .map(|problem| ImportProblem {
                row: count(problem.row),
                reason: problem.reason.to_owned(),
                description: problem.description,
            })
            .collect(),
    }
}
