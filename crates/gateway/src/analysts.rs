//! Threads with deep stacks on which SQL is analysed.
//!
//! Parsers recurse, and hostile text makes them recurse deeply; a runtime's worker has 2 MiB of stack and must not block.
//! A fixed number of threads take texts off a bounded queue; where that is full the text is refused, never queued without
//! a bound. Why: DEPENDENCIES, "Hostile input".

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use bytes::Bytes;
use portcullis_net::Later;
use portcullis_sql::dialect::{Dialect, Mode};
use portcullis_sql::statement::Statement;
use portcullis_sql::{Limits, NotAnalysed, STACK};
use tokio::sync::oneshot;

/// LIMIT: texts that wait; at some 20 µs each the last of them waits a few milliseconds.
const QUEUE: usize = 1_024;

/// LIMIT: threads; parsing is a small part of the work, most statements are known.
const THREADS: usize = 2;

type Analysed = Result<Vec<Statement>, NotAnalysed>;

struct Order {
    dialect: Arc<dyn Dialect>,
    text: Bytes,
    mode: Mode,
    limits: Limits,
    reply: oneshot::Sender<Analysed>,
}

/// The threads, and the way to them.
#[derive(Debug, Clone)]
pub struct Analysts {
    orders: SyncSender<Order>,
}

impl Analysts {
    /// Starts the threads.
    ///
    /// # Errors
    /// The system has no room for a thread.
    pub fn start() -> std::io::Result<Self> {
        let (orders, queue) = sync_channel(QUEUE);
        let queue = Arc::new(Mutex::new(queue));
        for number in 0..THREADS {
            let queue = queue.clone();
            let builder = thread::Builder::new().name(format!("analyst-{number}")).stack_size(STACK);
            builder.spawn(move || work(&queue))?;
        }
        Ok(Self { orders })
    }

    /// Analyses `text`.
    pub fn analyse(&self, dialect: Arc<dyn Dialect>, text: Bytes, mode: Mode, limits: Limits) -> Later<Analysed> {
        let (reply, answer) = oneshot::channel();
        let sent = self.orders.try_send(Order { dialect, text, mode, limits, reply });
        Box::pin(async move {
            match sent {
                Ok(()) => answer.await.unwrap_or(Err(NotAnalysed::Parser)),
                Err(_) => Err(NotAnalysed::TooComplex("texts waiting to be analysed")),
            }
        })
    }
}

fn work(queue: &Mutex<Receiver<Order>>) {
    loop {
        let order = match queue.lock() {
            Ok(queue) => queue.recv(),
            Err(_) => return,
        };
        let Ok(order) = order else { return };
        let analysed = order.dialect.analyse(&order.text, order.mode, &order.limits);
        // A session that is gone needs no answer.
        let _ = order.reply.send(analysed);
    }
}
