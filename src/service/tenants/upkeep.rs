//! What tenants need from time to time: steps of their keys that are due, and the erasing of those that were deleted.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::Result;
use crate::service::Services;
use crate::telemetry::Upkeep;

/// What is done, in this order.
const TASKS: [Upkeep; 2] = [Upkeep::Keys, Upkeep::Erase];
/// How often.
const EVERY: Duration = Duration::from_secs(5);

/// Every how many rounds keys are counted over all tenants, for the metrics.
const COUNT_EACH: u64 = 12;

impl Services {
    /// Looks after tenants for as long as the process runs.
    pub async fn keep_tenants(self: Arc<Self>) {
        for round in 0_u64.. {
            for task in TASKS {
                self.report(task, self.pass(task).await);
            }
            if round % COUNT_EACH == 0 {
                self.report(Upkeep::Keys, self.count_keys().await.map(|()| 0));
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    /// One round.
    ///
    /// # Errors
    /// When the store is lost; what is left is done by the next round.
    pub async fn look_after_tenants(&self) -> Result<()> {
        for task in TASKS {
            self.pass(task).await?;
        }
        Ok(())
    }

    async fn count_keys(&self) -> Result<()> {
        let counts = self.store.count_keys(self.now()).await?;
        for (state, count) in ["published", "signing", "verifying"].into_iter().zip(counts) {
            self.metrics.signing_keys.with_label_values(&[state]).set(count);
        }
        Ok(())
    }
}
