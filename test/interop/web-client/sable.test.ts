// Sable, a full web client: two browsers meet in an encrypted room and do what people do all day, by /sync and by sliding sync.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import sharp from 'sharp'
import { openChromium, picture } from '../../harness/chromium.ts'
import type { Client } from '../../harness/client.ts'
import { until } from '../../harness/person.ts'
import { startServer } from '../../harness/server.ts'
import { checkedWay } from '../../harness/spec-proxy.ts'
import {
  choose,
  createRoom,
  message,
  noSable,
  openRoom,
  openSable,
  react,
  roomEntry,
  sendFile,
  say,
  serveSable,
  type Sable,
} from './sable.ts'

if (noSable) console.log(`Sable is not tested: ${noSable}`)

/** A room that is not encrypted, which the server can search; and everybody has a face. */
async function openHouse(alice: Client, bob: Client): Promise<void> {
  const face = await sharp({ create: { width: 400, height: 400, channels: 3, background: '#c40' } })
    .png()
    .toBuffer()
  for (const person of [alice, bob]) {
    const uploaded = await fetch(`${person.base}/_matrix/media/v3/upload`, {
      method: 'POST',
      body: new Uint8Array(face),
      headers: { authorization: `Bearer ${person.token}`, 'content-type': 'image/png' },
    })
    const { content_uri: url } = (await uploaded.json()) as { content_uri: string }
    await person.req('PUT', `/profile/${person.userId}/avatar_url`, { avatar_url: url })
  }
  const roomId = await alice.createRoom({ name: 'Open house', invite: [bob.userId] })
  await bob.join(roomId)
  for (const text of ['the weather is fine', 'a walnut tree', 'nothing else']) await alice.send(roomId, text)
}

async function meet(alice: Sable, bob: Sable, sliding: boolean): Promise<void> {
  await createRoom(alice, 'Two of us')
  await alice.page.locator('header').filter({ hasText: 'Two of us' }).getByRole('button').last().click()
  await alice.page.getByText('Invite', { exact: true }).click()
  await alice.page.locator('input[name=userIdInput]').fill(bob.userId)
  await alice.page.keyboard.press('Enter')
  await alice.page.getByText('invited').first().waitFor()
  for (let turn = 0; turn < 2; turn++) await alice.page.keyboard.press('Escape')
  await bob.page.goto(new URL('/inbox/invites/', bob.page.url()).href)
  // Under Public, where the client does not know that they share a room: by sliding sync it did not ask for members.
  if (sliding) await bob.page.getByText('Public').first().click()
  await bob.page.getByRole('button', { name: 'Accept' }).click()
  await bob.page.locator('[data-slate-editor]').first().waitFor()
  await message(alice, 'joined the room').filter({ hasText: 'bob' }).waitFor()
}

async function talk(alice: Sable, bob: Sable): Promise<void> {
  await say(alice, 'this is a secret')
  await message(bob, 'this is a secret').waitFor()
  await say(bob, 'I can keep it')
  await message(alice, 'I can keep it').waitFor()
  await picture(bob.page, 'talk')

  await react(bob, 'this is a secret', 'heart', '❤️')
  await message(alice, 'this is a secret').getByText('❤').waitFor()
  await picture(alice.page, 'reaction')

  await choose(bob, 'I can keep it', 'Edit Message')
  await bob.page.keyboard.press('End')
  await bob.page.keyboard.type(' for ever')
  await bob.page.keyboard.press('Enter')
  await message(alice, 'I can keep it for ever').getByText('edited').waitFor()
  await picture(alice.page, 'edit')
}

async function thread(alice: Sable, bob: Sable): Promise<void> {
  await choose(bob, 'this is a secret', 'Reply in Thread')
  await bob.page.getByText('Start the thread below').waitFor()
  await say(bob, 'whose secret?', 'thread')
  await message(bob, 'whose secret?').waitFor()
  await message(alice, 'this is a secret').getByText('1 reply').click()
  await message(alice, 'whose secret?').waitFor()
  await say(alice, 'yours and mine', 'thread')
  await message(bob, 'yours and mine').waitFor()
  await picture(bob.page, 'thread')
  for (const person of [alice, bob]) await person.page.getByLabel('Close thread').click()
  await message(bob, 'this is a secret').getByText('2 replies').waitFor()
}

const loaded = (page: Page): Promise<number> =>
  page.evaluate<number>(
    "[...document.images].filter((image) => image.src.includes('/thumbnail/') && image.naturalWidth > 0).length",
  )

/** An image that nobody else may see, and the people's own, which the server makes small. */
async function images(alice: Sable, bob: Sable): Promise<void> {
  const buffer = await sharp({ create: { width: 1600, height: 1200, channels: 3, background: '#0a7' } })
    .png()
    .toBuffer()
  await sendFile(alice, { name: 'green.png', mimeType: 'image/png', buffer })
  const image = bob.page.locator('img[alt="green.png"]')
  await image.waitFor()
  await until(
    'the image is decrypted',
    async () => (await image.evaluate<number, { naturalWidth: number }>((element) => element.naturalWidth)) === 1600,
  )
  await until('thumbnails of avatars', async () => (await loaded(bob.page)) > 0)
  await picture(bob.page, 'images')
}

async function search({ page }: Sable): Promise<void> {
  await page.getByText('Message Search').first().click()
  await page.locator('input[name=searchInput]').fill('walnut')
  await page.keyboard.press('Enter')
  await page.getByText('a walnut tree').first().waitFor()
  await picture(page, 'search')
  assert.equal(await page.getByText('nothing else').count(), 0)
}

/** Whoever looks elsewhere is told how much they have missed, until they look. */
async function counts(alice: Sable, bob: Sable): Promise<void> {
  await until('three unread in the open house', async () =>
    /3/.test(await roomEntry(bob.page, 'Open house').innerText()),
  )
  await openRoom(bob, 'Open house')
  await message(bob, 'a walnut tree').waitFor()
  await until(
    'nothing unread in the open house',
    async () => !/\d/.test(await roomEntry(bob.page, 'Open house').innerText()),
  )
  for (const text of ['one', 'two']) await say(alice, `number ${text}`)
  await until('two unread', async () => /2/.test(await roomEntry(bob.page, 'Two of us').innerText()))
  await picture(bob.page, 'counts')
  await openRoom(bob, 'Two of us')
  await message(bob, 'number two').waitFor()
  await until('nothing unread', async () => !/\d/.test(await roomEntry(bob.page, 'Two of us').innerText()))
}

for (const sliding of [false, true]) {
  test(`two browsers by ${sliding ? 'sliding sync' : '/sync'}`, { skip: noSable }, async () => {
    await using server = await startServer()
    await using way = await checkedWay(server.url)
    const backends = [await server.login('alice'), await server.login('bob')] as const
    await openHouse(...backends)
    await using site = await serveSable(way.url)
    await using browser = await openChromium()
    const door = { site, url: way.url, sliding }
    const [alice, bob] = [await openSable(browser, door, backends[0]), await openSable(browser, door, backends[1])]
    try {
      await meet(alice, bob, sliding)
      await talk(alice, bob)
      await thread(alice, bob)
      await images(alice, bob)
      // By sliding sync this client shows a dot, whatever number it is told.
      if (!sliding) await counts(alice, bob)
      await search(bob)
    } finally {
      await picture(alice.page, `alice-end-${sliding}`)
      await picture(bob.page, `bob-end-${sliding}`)
    }
    assert.equal(
      alice.asked.has(
        sliding ? '/_matrix/client/unstable/org.matrix.simplified_msc3575/sync' : '/_matrix/client/v3/sync',
      ),
      true,
    )
    assert.deepEqual([...alice.faults, ...bob.faults, ...way.faults()], [])
  })
}
