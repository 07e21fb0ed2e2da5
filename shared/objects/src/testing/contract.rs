//! The contract of every store of owners.
#![expect(clippy::unwrap_used, reason = "a suite of tests fails by panicking")]

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use lanyard_domain::object::{Home, Kind, Owned, Owner};

use crate::store::{ObjectPlace, ObjectStore, Size};

/// Runs the whole suite, and panics where a store differs. `run` keeps one run apart from another.
pub async fn objects_contract(objects: &Arc<dyn ObjectStore>, run: &str) {
    let bench = Bench { objects: Arc::clone(objects), run: run.to_owned() };
    bench.an_object_is_found_by_its_owner_alone().await;
    bench.owners_whose_names_look_like_keys_are_apart().await;
    bench.lists_are_in_the_order_of_making().await;
    bench.sizes_are_set_and_grow_while_the_object_is_there().await;
    bench.what_is_forgotten_is_gone_and_forgotten_again().await;
    bench.an_events_objects_come_in_pages().await;
}

struct Bench {
    objects: Arc<dyn ObjectStore>,
    run: String,
}

impl Bench {
    fn owner(&self, case: &str, user: &str) -> Owner {
        Owner {
            event: format!("{}.{case}", self.run).parse().unwrap(),
            user: user.parse().unwrap(),
        }
    }

    fn object(&self, owner: &Owner, kind: Kind, id: &str) -> Owned {
        Owned {
            session: None,
            app: None,
            kind,
            id: id.parse().unwrap(),
            parent: None,
            event: owner.event.clone(),
            user: owner.user.clone(),
            home: Home {
                endpoint: "https://one.openai.azure.com".to_owned(),
                deployment: "gpt-4o".parse().unwrap(),
                replica: "one".parse().unwrap(),
            },
            tokens: 7,
            request_id: "req_1".parse().unwrap(),
            items: vec!["msg_1".parse().unwrap()],
            streamed_tokens: 7,
            created_at: noon() + TimeDelta::milliseconds(123),
            event_ends_at: noon() + TimeDelta::days(1),
        }
    }

    async fn put(&self, owner: &Owner, kind: Kind, id: &str) -> Owned {
        let object = self.object(owner, kind, id);
        self.objects.put(&object).await.unwrap();
        object
    }

    async fn found(&self, owner: &Owner, kind: Kind, id: &str) -> Option<Owned> {
        self.objects.find(owner, kind, &id.parse().unwrap()).await.unwrap()
    }

    async fn an_object_is_found_by_its_owner_alone(&self) {
        let (ada, bob) = (self.owner("alone", "ada"), self.owner("alone", "bob"));
        let elsewhere = self.owner("elsewhere", "ada");
        for kind in Kind::ALL.iter().copied() {
            let object = self.put(&ada, kind, "x-1").await;
            self.objects.put(&object).await.unwrap();
            assert_eq!(self.found(&ada, kind, "x-1").await, Some(object));
            for other in [&bob, &elsewhere] {
                assert_eq!(self.found(other, kind, "x-1").await, None, "{other:?}");
                assert!(self.objects.list(other, kind).await.unwrap().is_empty());
            }
            assert_eq!(self.found(&ada, kind, "x-2").await, None);
            assert_eq!(self.found(&ada, kind, "X-1").await, None);
            assert_eq!(self.objects.list(&ada, kind).await.unwrap().len(), 1);
        }
    }

    async fn owners_whose_names_look_like_keys_are_apart(&self) {
        let users = ["ada", "ada#file", "ada#file#x", "ada%23file", "a", "ada#", "%"];
        for user in users {
            self.put(&self.owner("names", user), Kind::File, "file-1").await;
        }
        for user in users {
            let owner = self.owner("names", user);
            let listed = self.objects.list(&owner, Kind::File).await.unwrap();
            assert_eq!(listed.len(), 1, "{user}");
            assert_eq!(listed[0].user, owner.user, "{user}");
            assert!(self.objects.list(&owner, Kind::Response).await.unwrap().is_empty(), "{user}");
        }
    }

    async fn lists_are_in_the_order_of_making(&self) {
        let ada = self.owner("order", "ada");
        for (id, ms) in [("c", 1), ("a", 2), ("d", 0), ("b", 2)] {
            let mut object = self.object(&ada, Kind::File, id);
            object.created_at += TimeDelta::milliseconds(ms);
            self.objects.put(&object).await.unwrap();
        }
        let listed = self.objects.list(&ada, Kind::File).await.unwrap();
        let ids: Vec<_> = listed.iter().map(|owned| owned.id.as_str()).collect();
        assert_eq!(ids, ["d", "c", "a", "b"]);
    }

    async fn sizes_are_set_and_grow_while_the_object_is_there(&self) {
        let ada = self.owner("size", "ada");
        let object = self.put(&ada, Kind::Conversation, "conv_1").await;
        for (size, expected) in [(Size::Grows(5), 12), (Size::Is(3), 3), (Size::Grows(2), 5)] {
            self.objects.resize(&object, size).await.unwrap();
            let found = self.found(&ada, Kind::Conversation, "conv_1").await.unwrap();
            assert_eq!(found.tokens, expected, "{size:?}");
        }
        self.objects.forget(&object).await.unwrap();
        for size in [Size::Grows(5), Size::Is(3)] {
            self.objects.resize(&object, size).await.unwrap();
            assert_eq!(self.found(&ada, Kind::Conversation, "conv_1").await, None);
        }
    }

    async fn what_is_forgotten_is_gone_and_forgotten_again(&self) {
        let ada = self.owner("forget", "ada");
        let object = self.put(&ada, Kind::VectorStore, "vs_1").await;
        let other = self.put(&ada, Kind::VectorStore, "vs_2").await;
        for _ in 0..2 {
            self.objects.forget(&object).await.unwrap();
            assert_eq!(self.found(&ada, Kind::VectorStore, "vs_1").await, None);
        }
        assert_eq!(self.objects.list(&ada, Kind::VectorStore).await.unwrap(), [other]);
    }

    async fn an_events_objects_come_in_pages(&self) {
        let mut expected = Vec::new();
        for user in ["ada", "bob#1", "eve"] {
            let owner = self.owner("pages", user);
            for (kind, id) in [(Kind::File, "f"), (Kind::Response, "r"), (Kind::File, "g")] {
                expected.push(self.put(&owner, kind, id).await);
            }
        }
        self.put(&self.owner("pages-not", "ada"), Kind::File, "f").await;
        let event = self.owner("pages", "ada").event;
        let sorted = |mut all: Vec<Owned>| {
            all.sort_by(|a, b| (&a.user, a.kind, &a.id).cmp(&(&b.user, b.kind, &b.id)));
            all
        };
        for limit in [1, 2, 8, 9, 100] {
            let (mut all, mut after): (Vec<Owned>, Option<ObjectPlace>) = (Vec::new(), None);
            loop {
                let page = self.objects.of_event(&event, after.as_ref(), limit).await.unwrap();
                assert!(page.found.items.len() <= usize::from(limit));
                all.extend(page.found.items);
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(sorted(all), sorted(expected.clone()), "in pages of {limit}");
        }
    }
}

fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_796_472_000, 0).unwrap()
}
