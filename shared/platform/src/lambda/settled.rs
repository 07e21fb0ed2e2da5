//! The layer that waits for settlements after each response.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::future::BoxFuture;
use lambda_runtime::LambdaInvocation;
use lambda_runtime::tower::{Layer, Service};
use lanyard_gateway::background_tasks::with_background_tasks;

/// Waits for an invocation's background tasks, after its response and before the next invocation.
#[derive(Clone)]
pub(super) struct Settled;

impl<S> Layer<S> for Settled {
    type Service = Settling<S>;

    fn layer(&self, inner: S) -> Settling<S> {
        Settling { inner }
    }
}

#[derive(Clone)]
pub(super) struct Settling<S> {
    inner: S,
}

impl<S> Service<LambdaInvocation> for Settling<S>
where
    S: Service<LambdaInvocation>,
    S::Future: Send + 'static,
    S::Response: Send,
    S::Error: Send,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = AnsweredThenSettled<S::Response, S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, invocation: LambdaInvocation) -> Self::Future {
        let (answering, settling) = with_background_tasks(self.inner.call(invocation));
        AnsweredThenSettled {
            answering: Box::pin(answering),
            answered: None,
            settling: Box::pin(settling),
        }
    }
}

pub(super) struct AnsweredThenSettled<T, E> {
    answering: BoxFuture<'static, Result<T, E>>,
    answered: Option<Result<T, E>>,
    settling: BoxFuture<'static, ()>,
}

// The boxes are pinned, and the result is moved out as one value.
impl<T, E> Unpin for AnsweredThenSettled<T, E> {}

impl<T, E> Future for AnsweredThenSettled<T, E> {
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T, E>> {
        let this = self.get_mut();
        if this.answered.is_none() {
            this.answered = Some(ready!(this.answering.as_mut().poll(cx)));
        }
        ready!(this.settling.as_mut().poll(cx));
        match this.answered.take() {
            Some(answered) => Poll::Ready(answered),
            None => Poll::Pending,
        }
    }
}
