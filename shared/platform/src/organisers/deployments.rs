//! An organiser's deployments. Keys are stored elsewhere.

use async_trait::async_trait;
use lanyard_administration::ports::{DeploymentStore, OrganiserFault};
use lanyard_domain::catalog::Deployment;
use lanyard_domain::event::Event;
use lanyard_domain::ids::{DeploymentName, OrganiserId, Replica};
use lanyard_gateway::ports::Unreadable;

use super::{Organisers, unavailable, unreadable};
use crate::table::{DEPLOYMENT_PREFIX, Key, get_document, organiser_pk, put_document, readable};

#[async_trait]
impl DeploymentStore for Organisers {
    async fn deployments(
        &self,
        organiser: &OrganiserId,
    ) -> Result<Vec<Deployment>, OrganiserFault> {
        // This read is consistent, unlike the gateway's, because an organiser must see a deployment
        // that they have just added.
        let items = self.table.all(organiser_pk(organiser), DEPLOYMENT_PREFIX).await;
        let items = items.map_err(unavailable)?;
        let mut deployments: Vec<Deployment> =
            items.iter().filter_map(|item| readable(item, get_document)).collect();
        deployments.sort_by(|a, b| (&a.name, &a.replica).cmp(&(&b.name, &b.replica)));
        Ok(deployments)
    }

    async fn deployment(
        &self,
        organiser: &OrganiserId,
        name: &DeploymentName,
        replica: &Replica,
    ) -> Result<Option<Deployment>, OrganiserFault> {
        let key = Key::deployment(organiser, name, replica);
        let item = self.table.get(key, true).await.map_err(unavailable)?;
        item.as_ref().map(get_document).transpose().map_err(unreadable)
    }

    async fn put_deployment(
        &self,
        organiser: &OrganiserId,
        deployment: &Deployment,
    ) -> Result<(), OrganiserFault> {
        let key = Key::deployment(organiser, &deployment.name, &deployment.replica);
        let mut item = key.attributes();
        put_document(&mut item, deployment).map_err(unreadable)?;
        let put = self.table.client.put_item().table_name(&self.table.name).set_item(Some(item));
        put.send().await.map_err(unavailable)?;
        Ok(())
    }

    async fn delete_deployment(
        &self,
        organiser: &OrganiserId,
        name: &DeploymentName,
        replica: &Replica,
    ) -> Result<(), OrganiserFault> {
        let key = Key::deployment(organiser, name, replica).attributes();
        let delete = self.table.client.delete_item().table_name(&self.table.name);
        delete.set_key(Some(key)).send().await.map_err(unavailable)?;
        Ok(())
    }

    async fn events_with_objects_at(
        &self,
        organiser: &OrganiserId,
        endpoint: &str,
    ) -> Result<Vec<Event>, OrganiserFault> {
        let mut found = self.table.events_with_objects_at(endpoint).await.map_err(unavailable)?;
        found.unreadable.iter().for_each(Unreadable::log);
        found.items.retain(|event| event.organiser == *organiser);
        Ok(found.items)
    }
}
