//! The ledger's contract on the embedded DynamoDB engine.

use std::sync::Arc;

use lanyard_gateway::ports::Ledger;
use lanyard_gateway::testing::ledger_contract;

use crate::support::engine::Engine;

#[tokio::test(flavor = "multi_thread")]
async fn the_engine_keeps_the_ledgers_contract() {
    let engine = Engine::start().await;
    let ledger: Arc<dyn Ledger> = Arc::new(engine.table());
    ledger_contract(&[ledger], "one").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_processes_over_one_engine_keep_the_ledgers_contract() {
    let engine = Engine::start().await;
    let ledger = || -> Arc<dyn Ledger> { Arc::new(engine.table()) };
    ledger_contract(&[ledger(), ledger(), ledger()], "three").await;
}

/// The same on another engine, because one engine may differ from DynamoDB.
/// `tests/engines/moto_engine.py` starts one and names it.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs another engine, whose address is in LANYARD_ENGINE"]
#[expect(clippy::disallowed_methods, reason = "an engine named by hand is no setting")]
async fn another_engine_keeps_the_ledgers_contract() {
    let engine = Engine::at(std::env::var("LANYARD_ENGINE").unwrap()).await;
    let ledger = || -> Arc<dyn Ledger> { Arc::new(engine.table()) };
    ledger_contract(&[ledger()], "one").await;
    ledger_contract(&[ledger(), ledger(), ledger()], "three").await;
}
