//! A little load, and a look at the services every second.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::time::{self, MissedTickBehavior};

use super::{Hybrid, Snapshot, client::Client, figures::Look};

const LOOK_PAUSE: Duration = Duration::from_secs(1);
/// Looks that the figures reach back over.
const LOOKS: usize = 10;
/// Connections that share the load.
const CONNECTIONS: u32 = 4;
/// One request in so many carries a forged token, so that there is something to refuse.
const FORGED_EACH: u32 = 20;

impl Hybrid {
    /// Sends the load and keeps the figures up to date, for as long as assay runs.
    pub fn begin(self: &Arc<Self>) {
        for connection in 0..CONNECTIONS.min(self.rate) {
            tokio::spawn(Arc::clone(self).send(connection));
        }
        tokio::spawn(Arc::clone(self).look());
    }

    async fn send(self: Arc<Self>, connection: u32) {
        let connections = CONNECTIONS.min(self.rate);
        let gap = Duration::from_secs(1) * connections / self.rate.max(1);
        let mut tick =
            time::interval_at(time::Instant::now() + gap * connection / connections.max(1), gap);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut client = Client::new(self.gateway);
        let forged = format!("{}A", self.token);
        for count in 1_u32.. {
            tick.tick().await;
            let token = if count.is_multiple_of(FORGED_EACH) { &forged } else { &self.token };
            // What goes wrong shows in the gateway's own count.
            let _ = client.post("/v1/quotes", token, crate::demo::SAMPLE_ORDER).await;
        }
    }

    async fn look(self: Arc<Self>) {
        let mut tick = time::interval(LOOK_PAUSE);
        let (mut gateway, mut checker) =
            (Client::new(self.gateway), Client::new(self.token_service));
        let mut looks: VecDeque<(Instant, Look)> = VecDeque::new();
        let mut checked = String::new();
        for number in 1.. {
            tick.tick().await;
            let mut figures = None;
            if let Ok(page) = gateway.get("/metrics").await {
                // When the token service is silent, the gateway's own count still says what that does,
                // and what it has counted so far has not gone.
                if let Ok(page) = checker.get("/metrics").await {
                    checked = page;
                }
                let (now, look) = (Instant::now(), Look::read(&[&page, &checked]));
                figures =
                    looks.front().map(|(at, first)| look.since(first, now.duration_since(*at)));
                looks.push_back((now, look));
                looks.drain(..looks.len().saturating_sub(LOOKS));
            }
            self.state.send_replace(Snapshot { number, figures, parts: self.parts() });
        }
    }
}
