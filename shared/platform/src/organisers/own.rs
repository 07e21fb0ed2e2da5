//! Deployments that only one attendee uses, and the removal of registrations.

use async_trait::async_trait;
use aws_sdk_dynamodb::types::ReturnValue;
use lanyard_administration::ports::{OwnDeploymentStore, RegistrationStore};
use lanyard_domain::catalog::Deployment;
use lanyard_domain::ids::{DeploymentName, EventId, Replica};
use lanyard_domain::token::UserId;
use lanyard_gateway::ports::{Cause, EventStore, Unreadable};

use super::Organisers;
use crate::table::{Key, get_document, put_document};

#[async_trait]
impl RegistrationStore for Organisers {
    async fn remove_claim(&self, event: &EventId, user: &UserId) -> Result<bool, Cause> {
        let delete = self
            .table
            .client
            .delete_item()
            .table_name(&self.table.name)
            .set_key(Some(Key::claim(event, user).attributes()))
            .return_values(ReturnValue::AllOld);
        Ok(delete.send().await?.attributes.is_some())
    }
}

#[async_trait]
impl OwnDeploymentStore for Organisers {
    async fn own_deployments(
        &self,
        event: &EventId,
        user: &UserId,
    ) -> Result<Vec<Deployment>, Cause> {
        let found = EventStore::own_deployments(&self.table, event, user).await?;
        found.unreadable.iter().for_each(Unreadable::log);
        Ok(found.items)
    }

    async fn own_deployment(
        &self,
        event: &EventId,
        user: &UserId,
        name: &DeploymentName,
        replica: &Replica,
    ) -> Result<Option<Deployment>, Cause> {
        let item = self.table.get(Key::own(event, user, name, replica), true).await?;
        item.as_ref().map(get_document).transpose()
    }

    async fn put_own_deployment(
        &self,
        event: &EventId,
        user: &UserId,
        deployment: &Deployment,
    ) -> Result<(), Cause> {
        let key = Key::own(event, user, &deployment.name, &deployment.replica);
        let mut item = key.attributes();
        put_document(&mut item, deployment)?;
        let put = self.table.client.put_item().table_name(&self.table.name).set_item(Some(item));
        put.send().await?;
        Ok(())
    }

    async fn delete_own_deployment(
        &self,
        event: &EventId,
        user: &UserId,
        name: &DeploymentName,
        replica: &Replica,
    ) -> Result<(), Cause> {
        let key = Key::own(event, user, name, replica).attributes();
        let delete = self.table.client.delete_item().table_name(&self.table.name);
        delete.set_key(Some(key)).send().await?;
        Ok(())
    }
}
