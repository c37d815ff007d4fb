//! Requests to an API server that fails for a moment are made again, a few times.

use std::time::Duration;

use http::{Method, Request, Response};
use kube::client::Body;
use tokio::time::{Sleep, sleep};
use tower::BoxError;
use tower::retry::Policy;

/// What is waited before each new try; three seconds in all, within what one answer may take.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(200),
    Duration::from_millis(400),
    Duration::from_millis(800),
    Duration::from_millis(1600),
];

/// How often a request was made again.
#[derive(Debug, Clone, Default)]
pub struct RetryPolicy(usize);

impl<R> Policy<Request<Body>, Response<R>, BoxError> for RetryPolicy {
    type Future = Sleep;

    fn retry(
        &mut self,
        request: &mut Request<Body>,
        answer: &mut Result<Response<R>, BoxError>,
    ) -> Option<Self::Future> {
        let pause = PAUSES.get(self.0)?;
        let again = match answer {
            Ok(answer) => match answer.status().as_u16() {
                // Turned away at the door: nothing was done.
                429 => true,
                500.. => does_no_harm_twice(request.method()),
                _ => false,
            },
            Err(_) => does_no_harm_twice(request.method()),
        };
        again.then(|| {
            self.0 += 1;
            sleep(*pause)
        })
    }

    fn clone_request(&mut self, request: &Request<Body>) -> Option<Request<Body>> {
        let mut clone = Request::new(request.body().try_clone()?);
        request.method().clone_into(clone.method_mut());
        request.uri().clone_into(clone.uri_mut());
        *clone.version_mut() = request.version();
        request.headers().clone_into(clone.headers_mut());
        request.extensions().clone_into(clone.extensions_mut());
        Some(clone)
    }
}

/// Of a POST whose answer was lost nobody knows whether it was done: done again it would find itself there.
fn does_no_harm_twice(method: &Method) -> bool {
    method != Method::POST
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tries(method: &Method, status: Option<u16>) -> usize {
        let mut patience = RetryPolicy::default();
        let mut request = Request::new(Body::empty());
        method.clone_into(request.method_mut());
        let answer = || match status {
            Some(status) => Ok(Response::builder().status(status).body(()).unwrap()),
            None => Err(BoxError::from("connection reset")),
        };
        let mut tries = 1;
        while patience.retry(&mut request, &mut answer()).is_some() {
            tries += 1;
        }
        tries
    }

    #[tokio::test]
    async fn transient_failures_are_retried_a_bounded_number_of_times() {
        for status in [Some(429), Some(500), Some(503), None] {
            assert_eq!(tries(&Method::GET, status), 5, "{status:?}");
        }
        for status in [200, 403, 404, 409, 422] {
            assert_eq!(tries(&Method::GET, Some(status)), 1, "{status}");
        }
    }

    #[tokio::test]
    async fn requests_that_may_have_succeeded_are_not_repeated() {
        assert_eq!(tries(&Method::POST, Some(500)), 1);
        assert_eq!(tries(&Method::POST, None), 1);
        assert_eq!(tries(&Method::POST, Some(429)), 5);
    }
}
