//! `eth_sendRawTransactionSync` (EIP-7966): sends a transaction and waits for its receipt.
//!
//! The wait goes by the announcements of committed blocks; the store is read once at its end, and
//! when announcements were missed. Waiters are bounded in number and in time.

use super::{
    send::send_raw,
    transaction::{ReceiptAnswer, receipt_of},
};
use crate::{
    context::Context,
    error::RpcError,
    limits::RpcLimits,
    method::{Method, Param},
    params::{Args, quantity, unquote},
    registry::Registry,
    work::Class,
};
use alloy_primitives::B256;
use jsonrpsee::{
    MethodCallback, MethodResponse,
    core::RegisterMethodError,
    server::ResponsePayload,
    types::{ErrorObjectOwned, Params},
};
use mfenx_primitives::CommittedBlock;
use std::{sync::Arc, time::Duration};
use tokio::sync::broadcast::{Receiver, error::RecvError};

const SEND_RAW_TRANSACTION_SYNC: Method = Method {
    name: "eth_sendRawTransactionSync",
    summary: "Takes a signed transaction into the pool and waits for its receipt, at most for \
              `timeout` milliseconds (EIP-7966). Error 4: not in a block yet, error 5: it cannot \
              be executed; both with its hash as data.",
    params: &[
        Param::required("transaction", "Bytes"),
        Param::optional("timeout", "Quantity|Number"),
    ],
    result: "Receipt",
    example: r#"["0xf8678085012a05f20082520894f39fd6e51aad88f6f4ce6ab8827279cfffb92266018083056829a004744370c6e080f3ab9b53278d6166c8875e36c27f15bae0692dcb655bc8c93da04cdad7c66a4ba100a84a6022dbbafba3d412b39eff3076023b57171c236c0bb4",20000]"#,
};

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    let method = &SEND_RAW_TRANSACTION_SYNC;
    registry.describe(&[method]);
    let context = Arc::clone(&registry.context);
    let callback = MethodCallback::Async(Arc::new(move |id, params, _, bytes_max, extensions| {
        let context = Arc::clone(&context);
        Box::pin(async move {
            let response = match send_and_wait(&context, params).await {
                Ok(receipt) => {
                    MethodResponse::response(id, ResponsePayload::success(receipt), bytes_max)
                }
                Err(error) => MethodResponse::error(id, ErrorObjectOwned::from(error)),
            };
            response.with_extensions(extensions)
        })
    }));
    registry.module.verify_and_insert(method.name, callback)?;
    Ok(())
}

async fn send_and_wait(
    context: &Arc<Context>,
    params: Params<'static>,
) -> Result<ReceiptAnswer, RpcError> {
    let most = SEND_RAW_TRANSACTION_SYNC.params.len();
    let milliseconds = timeout(&Args::parse(params.as_str(), most)?, &context.limits)?;
    let Ok(_place) = context.sync_waiters.try_acquire() else { return Err(RpcError::Busy) };
    // Before it is sent: nothing falls between.
    let mut blocks = context.committed.subscribe();
    let shared = Arc::clone(context);
    let send = move |_: &_| {
        let args = Args::parse(params.as_str(), most)?;
        send_raw(&shared, &args)
    };
    let hash = context.workers.run(Class::Transactions, send).await?;
    if context.pool.is_queued(&hash) {
        let reason = "due to a missing nonce or insufficient funds";
        return Err(RpcError::SyncUnready { hash, reason });
    }
    let wait = wait(context, &mut blocks, hash);
    if let Ok(receipt) = tokio::time::timeout(Duration::from_millis(milliseconds), wait).await {
        return receipt;
    }
    if let Some(receipt) = receipt_of(context, hash)? {
        return Ok(receipt);
    }
    if context.pool.contains(&hash) {
        return Err(RpcError::SyncTimeout { hash, milliseconds });
    }
    // Between the two looks it may have moved from the pool into a block.
    match receipt_of(context, hash)? {
        Some(receipt) => Ok(receipt),
        None => Err(RpcError::SyncUnready { hash, reason: "since it was dropped again" }),
    }
}

/// Milliseconds. Libraries send a number or a hexadecimal quantity; zero asks for the default, and
/// more than there may be for the most.
fn timeout(args: &Args<'_>, limits: &RpcLimits) -> Result<u64, RpcError> {
    let asked = match args.json(1) {
        None => 0,
        Some(json) if json.starts_with('"') => {
            unquote(json).and_then(quantity).map_err(|reason| RpcError::argument(1, reason))?
        }
        Some(_) => args.value(1)?,
    };
    let most = limits.sync_time_ms_max;
    Ok(if asked == 0 { limits.sync_time_ms_default.min(most) } else { asked.min(most) })
}

/// Waits for the block with the transaction, for as long as the node runs.
async fn wait(
    context: &Context,
    blocks: &mut Receiver<Arc<CommittedBlock>>,
    hash: B256,
) -> Result<ReceiptAnswer, RpcError> {
    loop {
        let found = match blocks.recv().await {
            Ok(committed) => {
                let transactions = committed.block.transactions();
                let index = transactions.iter().position(|tx| *tx.tx_hash() == hash);
                index.and_then(|index| ReceiptAnswer::of(&context.spec, &committed, index))
            }
            Err(RecvError::Lagged(_)) => receipt_of(context, hash)?,
            Err(RecvError::Closed) => return Err(RpcError::Cancelled),
        };
        if let Some(receipt) = found {
            return Ok(receipt);
        }
    }
}
