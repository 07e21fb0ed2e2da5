//! The layer that waits for settlements after each answer.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::future::BoxFuture;
use lambda_runtime::LambdaInvocation;
use lambda_runtime::tower::{Layer, Service};
use lanyard_gateway::Gateway;

/// Waits until the gateway has settled, between an answer and the next invocation.
#[derive(Clone)]
pub(super) struct Settled {
    gateway: Arc<Gateway>,
}

impl Settled {
    pub(super) fn of(gateway: Arc<Gateway>) -> Self {
        Self { gateway }
    }
}

impl<S> Layer<S> for Settled {
    type Service = Settling<S>;

    fn layer(&self, inner: S) -> Settling<S> {
        Settling { inner, gateway: Arc::clone(&self.gateway) }
    }
}

pub(super) struct Settling<S> {
    inner: S,
    gateway: Arc<Gateway>,
}

impl<S: Service<LambdaInvocation>> Service<LambdaInvocation> for Settling<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = AnsweredThenSettled<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, invocation: LambdaInvocation) -> Self::Future {
        let gateway = Arc::clone(&self.gateway);
        AnsweredThenSettled {
            answering: Box::pin(self.inner.call(invocation)),
            answered: None,
            settling: Box::pin(async move { gateway.settled().await }),
        }
    }
}

pub(super) struct AnsweredThenSettled<F: Future> {
    answering: Pin<Box<F>>,
    answered: Option<F::Output>,
    settling: BoxFuture<'static, ()>,
}

// The boxes are pinned, the answer is moved out whole.
impl<F: Future> Unpin for AnsweredThenSettled<F> {}

impl<F: Future> Future for AnsweredThenSettled<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
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
