"""A matrix-nio client that does what the lines on its standard input say, and answers each with a line: JSON both ways."""
import asyncio
import io
import json
import sys
import warnings

from nio import AsyncClient, AsyncClientConfig, ErrorResponse, Event, LoginResponse, MegolmEvent
from nio.crypto.attachments import decrypt_attachment

warnings.simplefilter("ignore")


class Person:
    def __init__(self, server, store, user):
        config = AsyncClientConfig(encryption_enabled=True, store_sync_tokens=True, max_timeouts=5)
        self.client = AsyncClient(server, user, store_path=store, config=config)
        # Event id -> what is known of it: the latest thing wins, so that what could be decrypted later counts as decrypted.
        self.seen = {}
        self.receipts = []
        self.typing = {}
        self.client.add_event_callback(self.see, Event)
        self.client.add_ephemeral_callback(self.see_ephemeral, None)
        self.task = None

    def see(self, room, event):
        self.seen[event.event_id] = {
            "sender": event.sender, "encrypted": bool(event.decrypted), "readable": not isinstance(event, MegolmEvent),
            "type": event.source.get("type"), "content": event.source.get("content"),
        }

    def see_ephemeral(self, room, event):
        if type(event).__name__ == "TypingNoticeEvent":
            self.typing[room.room_id] = event.users
        else:
            self.receipts += [[receipt.event_id, receipt.user_id] for receipt in event.receipts]

    @staticmethod
    def good(response):
        if isinstance(response, ErrorResponse):
            raise RuntimeError(f"{type(response).__name__}: {response}")
        return response

    async def login(self, auth):
        response = self.good(await self.client.login_raw(auth))
        assert isinstance(response, LoginResponse)
        self.task = asyncio.create_task(self.client.sync_forever(timeout=5000, full_state=True))
        await self.client.synced.wait()
        return {"user": response.user_id, "device": response.device_id}

    async def join(self, room):
        return self.good(await self.client.join(room)).room_id

    async def invited(self, room):
        return room in self.client.invited_rooms

    async def create(self, invite):
        encryption = {"type": "m.room.encryption", "state_key": "", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}
        return self.good(await self.client.room_create(invite=invite, is_direct=True, initial_state=[encryption])).room_id

    async def room(self, room):
        known = self.client.rooms.get(room)
        return known and {"encrypted": known.encrypted, "members": sorted(known.users), "name": known.display_name}

    async def send(self, room, content, kind="m.room.message"):
        return self.good(await self.client.room_send(room, kind, content, ignore_unverified_devices=True)).event_id

    async def event(self, id):
        return self.seen.get(id)

    async def upload(self, text, name):
        data = text.encode()
        response, keys = await self.client.upload(io.BytesIO(data), "text/plain", name, encrypt=True, filesize=len(data))
        return {**keys, "url": self.good(response).content_uri}

    async def download(self, file):
        body = self.good(await self.client.download(file["url"])).body
        return decrypt_attachment(body, file["key"]["k"], file["hashes"]["sha256"], file["iv"]).decode()

    async def read(self, room, id):
        self.good(await self.client.room_read_markers(room, id, id))

    async def read_by(self, id, user):
        return [id, user] in self.receipts

    async def type(self, room):
        self.good(await self.client.room_typing(room, True, 20000))

    async def is_typing(self, room, user):
        return user in self.typing.get(room, [])

    async def redact(self, room, id):
        return self.good(await self.client.room_redact(room, id, "regret")).event_id

    async def history(self, room):
        """Everything from the newest to the oldest event, by pages; how many could be read."""
        start, events = self.client.next_batch, []
        while start:
            page = self.good(await self.client.room_messages(room, start, limit=10))
            events += page.chunk
            start = page.end if page.chunk else None
        return [{"id": event.event_id, "readable": not isinstance(event, MegolmEvent)} for event in events]

    async def profile(self, name):
        self.good(await self.client.set_displayname(name))
        return self.good(await self.client.get_displayname()).displayname

    async def devices(self):
        return [device.id for device in self.good(await self.client.devices()).devices]

    async def logout(self):
        self.task.cancel()
        self.good(await self.client.logout())


async def main():
    person = Person(*sys.argv[1:4])
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        order = json.loads(line)
        try:
            answer = {"result": await getattr(person, order["do"])(*order["with"])}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        if person.task and person.task.done() and not person.task.cancelled() and person.task.exception():
            answer = {"error": f"syncing has ended: {person.task.exception()!r}"}
        print(json.dumps(answer), flush=True)
    if person.task:
        person.task.cancel()
    await person.client.close()


asyncio.run(main())
