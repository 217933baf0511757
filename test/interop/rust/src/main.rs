//! A client of the Matrix Rust SDK, with the room list and the timelines that apps are built on. It does what the lines on its standard
//! input say and answers each with a line: JSON both ways. Moments are milliseconds since 1970, for the one who asks has the same clock.
use std::io::{BufRead, Write, stdin, stdout};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use futures_util::{StreamExt, pin_mut};
use matrix_sdk::ruma::api::client::room::create_room::v3::Request as CreateRoom;
use matrix_sdk::ruma::events::room::encryption::RoomEncryptionEventContent;
use matrix_sdk::ruma::events::room::message::RoomMessageEventContent;
use matrix_sdk::ruma::events::{EmptyStateKey, InitialStateEvent};
use matrix_sdk::ruma::{EventEncryptionAlgorithm, OwnedUserId, RoomId};
use matrix_sdk::{Client, RoomState};
use matrix_sdk_ui::eyeball_im::Vector;
use matrix_sdk_ui::room_list_service::{RoomListItem, filters};
use matrix_sdk_ui::sync_service::SyncService;
use matrix_sdk_ui::timeline::{RoomExt, Timeline};
use serde_json::{Value, json};
use tokio::sync::watch;

const PATIENCE: Duration = Duration::from_secs(20);

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64() * 1000.0
}

/// The rooms as the app would show them, and when they came to be so.
#[derive(Clone, Default)]
struct Shown {
    rooms: Vec<String>,
    at: f64,
}

struct Person {
    client: Client,
    sync: Option<SyncService>,
    shown: watch::Receiver<Shown>,
    show: Option<watch::Sender<Shown>>,
    timelines: Vec<(String, Arc<Timeline>)>,
}

impl Person {
    async fn new(server: &str) -> Result<Self> {
        let (show, shown) = watch::channel(Shown::default());
        let client = Client::builder().homeserver_url(server).build().await?;
        Ok(Self { client, sync: None, shown, show: Some(show), timelines: Vec::new() })
    }

    async fn login(&self, token: &str) -> Result<Value> {
        let data = json!({ "token": token }).as_object().cloned().context("an object")?.into_iter().collect();
        let session = self.client.matrix_auth().login_custom("org.matrix.login.jwt", data)?.initial_device_display_name("Rust").send().await?;
        self.client.encryption().wait_for_e2ee_initialization_tasks().await;
        Ok(json!({ "user": session.user_id, "device": session.device_id }))
    }

    /// Starts to sync; answers when the first rooms are on the screen.
    async fn start(&mut self, screen: usize) -> Result<Value> {
        let sync = SyncService::builder(self.client.clone()).build().await?;
        let list = sync.room_list_service().all_rooms().await?;
        let show = self.show.take().context("it has been started before")?;
        tokio::spawn(async move {
            let (stream, controller) = list.entries_with_dynamic_adapters(screen);
            controller.set_filter(Box::new(filters::new_filter_non_left()));
            pin_mut!(stream);
            let mut entries: Vector<RoomListItem> = Vector::new();
            while let Some(diffs) = stream.next().await {
                for diff in diffs {
                    diff.apply(&mut entries);
                }
                show.send_replace(Shown { rooms: entries.iter().map(|room| room.room_id().to_string()).collect(), at: now() });
            }
        });
        let began = now();
        sync.start().await;
        self.sync = Some(sync);
        let shown = self.until(|shown| shown.rooms.len() >= screen).await?;
        Ok(json!({ "took": shown.at - began, "rooms": shown.rooms }))
    }

    async fn until(&mut self, good: impl FnMut(&Shown) -> bool) -> Result<Shown> {
        Ok(tokio::time::timeout(PATIENCE, self.shown.wait_for(good)).await.context("the list of rooms does not become so")??.clone())
    }

    /// Waits until a room is the first of the list; says since when it has been.
    async fn top(&mut self, room: &str) -> Result<Value> {
        Ok(json!(self.until(|shown| shown.rooms.first().is_some_and(|first| first == room)).await?.at))
    }

    /// Waits until as many rooms are known, on the screen or not.
    async fn known(&self, count: usize) -> Result<Value> {
        self.poll("the rooms do not all come", || async { (self.client.rooms().len() >= count).then(|| json!(count)) }).await
    }

    async fn poll<F: Future<Output = Option<Value>>>(&self, what: &str, found: impl Fn() -> F) -> Result<Value> {
        for _ in 0..PATIENCE.as_millis() / 10 {
            if let Some(value) = found().await {
                return Ok(value);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        bail!("{what}")
    }

    async fn create(&self, invite: &str) -> Result<Value> {
        let mut request = CreateRoom::new();
        request.invite = vec![OwnedUserId::try_from(invite)?];
        let encryption = RoomEncryptionEventContent::new(EventEncryptionAlgorithm::MegolmV1AesSha2);
        request.initial_state = vec![InitialStateEvent::new(EmptyStateKey, encryption).to_raw_any()];
        Ok(json!(self.client.create_room(request).await?.room_id()))
    }

    fn room(&self, room: &str) -> Result<matrix_sdk::Room> {
        self.client.get_room(<&RoomId>::try_from(room)?).context("the room is not known")
    }

    async fn join(&self, room: &str) -> Result<Value> {
        self.poll("the invitation does not come", || async { self.room(room).ok().filter(|known| known.state() == RoomState::Invited).map(|_| json!(true)) }).await?;
        self.room(room)?.join().await?;
        Ok(Value::Null)
    }

    /// Opens a room, as when one taps on it: from then on its timeline comes along.
    async fn open(&mut self, room: &str) -> Result<Value> {
        let id = <&RoomId>::try_from(room)?;
        self.poll("the room does not come", || async { self.room(room).ok().filter(|known| known.state() == RoomState::Joined).map(|_| json!(true)) }).await?;
        self.sync.as_ref().context("not started")?.room_list_service().subscribe_to_rooms(&[id]).await;
        let timeline = self.room(room)?.timeline().await?;
        self.timelines.push((room.to_owned(), Arc::new(timeline)));
        Ok(Value::Null)
    }

    fn timeline(&self, room: &str) -> Result<&Timeline> {
        self.timelines.iter().find(|(id, _)| id == room).map(|(_, timeline)| timeline.as_ref()).context("the room is not open")
    }

    async fn say(&self, room: &str, body: &str) -> Result<Value> {
        self.timeline(room)?.send(RoomMessageEventContent::text_plain(body).into()).await?;
        Ok(Value::Null)
    }

    /// Waits until a message can be read, with the server's copy of it; says whether the room is encrypted and since when.
    async fn read(&self, room: &str, body: &str) -> Result<Value> {
        let timeline = self.timeline(room)?;
        let read = self.poll("the message cannot be read", || async {
            let items = timeline.items().await;
            let seen = items.iter().filter_map(|item| item.as_event()).find(|event| event.content().as_message().is_some_and(|message| message.body() == body))?;
            let id = seen.event_id()?;
            Some(json!({ "id": id, "sender": seen.sender(), "encrypted": seen.encryption_info().is_some(), "at": now() }))
        });
        match read.await {
            Ok(seen) => Ok(seen),
            Err(error) => {
                let items = timeline.items().await;
                let there: Vec<_> = items.iter().filter_map(|item| item.as_event()).map(|event| format!("{:?} by {}: {:?}", event.event_id(), event.sender(), format!("{:?}", event.content()).chars().take(60).collect::<String>())).collect();
                Err(error.context(there.join("\n")))
            }
        }
    }

    async fn back(&self, room: &str) -> Result<Value> {
        let timeline = self.timeline(room)?;
        for _ in 0..100 {
            if timeline.paginate_backwards(50).await? {
                return Ok(json!(timeline.items().await.iter().filter(|item| item.as_event().is_some()).count()));
            }
        }
        bail!("paging back does not come to an end")
    }

    async fn stop(&self) -> Result<Value> {
        if let Some(sync) = &self.sync {
            sync.stop().await;
        }
        Ok(Value::Null)
    }

    async fn obey(&mut self, order: &Value) -> Result<Value> {
        let text = |index: usize| order["with"][index].as_str().unwrap_or_default();
        let count = || order["with"][0].as_u64().and_then(|count| usize::try_from(count).ok()).unwrap_or_default();
        match order["do"].as_str().unwrap_or_default() {
            "login" => self.login(text(0)).await,
            "start" => self.start(count()).await,
            "top" => self.top(text(0)).await,
            "known" => self.known(count()).await,
            "create" => self.create(text(0)).await,
            "join" => self.join(text(0)).await,
            "open" => self.open(text(0)).await,
            "say" => self.say(text(0), text(1)).await,
            "read" => self.read(text(0), text(1)).await,
            "back" => self.back(text(0)).await,
            "stop" => self.stop().await,
            other => bail!("{other} is not known here"),
        }
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let server = std::env::args().nth(1).context("the address of a server")?;
    let mut person = Person::new(&server).await?;
    loop {
        let line = tokio::task::spawn_blocking(|| stdin().lock().lines().next()).await?;
        // At once: the SDK panics where it is interrupted by the end of main.
        let Some(line) = line else { std::process::exit(0) };
        let order: Value = serde_json::from_str(&line?)?;
        let answer = match person.obey(&order).await {
            Ok(result) => json!({ "result": result }),
            Err(error) => json!({ "error": format!("{error:#}") }),
        };
        writeln!(stdout(), "{answer}")?;
        stdout().flush()?;
    }
}
