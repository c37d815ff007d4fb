use super::Auth;
use super::connection::{CallDeadline, Pauses, chain, classify, client_for};
use super::error::{Error, RequestCause, RequestFailure};
use reqwest::Url;
use serde::Deserialize;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// A health answer that takes longer is asked for anew: a server that is still starting may
/// take a connection and never answer it.
const ATTEMPT: Duration = Duration::from_secs(2);

/// No health answer is as long.
const BODY: u64 = 1 << 20;

/// Waits until `GET /health` below `management` (port 8081, unless configured otherwise)
/// answers `UP`, asking at growing intervals of at most half a second.
///
/// `until` is what makes waiting pointless, such as the end of the process: its output says
/// how, is shown in the error, and is to be scrubbed by the caller.
///
/// # Errors
/// [`Error::Infra`] when `deadline` passes, with the last answer, or when `until` resolves.
pub async fn wait_healthy(
    management: &Url,
    deadline: Duration,
    until: impl Future<Output = String>,
) -> Result<(), Error> {
    let mut deadline = CallDeadline::start("health", deadline);
    let cause = tokio::select! {
        biased;
        how = until => RequestCause::Exited(how),
        up = poll(management, &mut deadline) => match up {
            Ok(()) => return Ok(()),
            Err(cause) => cause,
        },
    };
    let origin = management.origin().ascii_serialization();
    let help = match &cause {
        RequestCause::Deadline { .. } => Some(format!(
            "Kestra at {origin} did not become healthy; its log says what it waits for, often \
             its database; or allow more time"
        )),
        other => other.help(&origin, &Auth::None, None),
    };
    Err(Error::Infra(Box::new(RequestFailure {
        action: "wait for Kestra to become healthy".into(),
        request: format!("GET {origin}/health"),
        cause,
        help,
    })))
}

async fn poll(management: &Url, deadline: &mut CallDeadline) -> Result<(), RequestCause> {
    let client = client_for(management, ATTEMPT).map_err(|error| RequestCause::Tls(chain(&error)))?;
    let url = management
        .join("health")
        .map_err(|error| RequestCause::Connection(error.to_string()))?;
    let mut pauses = Pauses::new();
    loop {
        let attempt = (Instant::now() + ATTEMPT).min(deadline.at());
        deadline.seen(match timeout_at(attempt, ask(&client, &url)).await {
            Ok(Ok(answer)) if answer == "UP" => return Ok(()),
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => classify(&error, ATTEMPT, str::to_owned).to_string(),
            Err(_) => "no answer in time".into(),
        });
        if !pauses.next_before(deadline.at()).await {
            return Err(deadline.passed());
        }
    }
}

/// The status that the server gives itself. Of any other answer only the HTTP status is told,
/// since nobody scrubs it here.
async fn ask(client: &reqwest::Client, url: &Url) -> reqwest::Result<String> {
    #[derive(Deserialize)]
    enum Health {
        #[serde(rename = "UP")]
        Up,
        #[serde(rename = "DOWN")]
        Down,
    }
    #[derive(Deserialize)]
    struct Answer {
        status: Health,
    }
    let mut response = client.get(url.clone()).send().await?;
    let code = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() as u64 > BODY {
            break;
        }
    }
    Ok(match serde_json::from_slice(&body) {
        Ok(Answer { status: Health::Up }) if code == 200 => "UP".into(),
        Ok(Answer { status: Health::Down }) => format!("status {code}, DOWN"),
        _ => format!("status {code}"),
    })
}
