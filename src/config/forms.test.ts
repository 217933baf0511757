import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  parseAddressRange,
  parseBaseUrl,
  parseDatabase,
  parseDuration,
  parseListen,
  parseListener,
  parseServerName,
  parseSize,
  redactDatabase,
} from './forms.ts'

test('durations have a unit', () => {
  assert.equal(parseDuration('250ms'), 250)
  assert.equal(parseDuration('1.5h'), 5_400_000)
  assert.equal(parseDuration('7 d'), 604_800_000)
  for (const text of ['', '5', 'h', '-1h', '1e3s', '0s', '1 hour', '999999999w'])
    assert.equal(parseDuration(text), undefined, text)
})

test('sizes are counted in powers of 1024', () => {
  assert.equal(parseSize('1000'), 1000)
  assert.equal(parseSize('512K'), 524_288)
  assert.equal(parseSize('8mb'), 8_388_608)
  assert.equal(parseSize('1GiB'), 1_073_741_824)
  for (const text of ['', '0', '-1M', '1T', '1.5M']) assert.equal(parseSize(text), undefined, text)
})

test('listen addresses are taken apart', () => {
  assert.deepEqual(parseListen('127.0.0.1:8008'), { host: '127.0.0.1', port: 8008 })
  assert.deepEqual(parseListen('[::1]:0'), { host: '::1', port: 0 })
  assert.deepEqual(parseListen('localhost:80'), { host: 'localhost', port: 80 })
  for (const text of ['8008', ':8008', '::1:8008', '[127.0.0.1]:1', '300.0.0.1:80', 'a:65536', '*:80', 'http://a:80']) {
    assert.equal(parseListen(text), undefined, text)
  }
})

test('server names are in lower case and leave room for a localpart', () => {
  for (const text of ['example.org', 'localhost', 'a.b:8448', '1.2.3.4', '[::1]:8448'])
    assert.equal(parseServerName(text), text)
  for (const text of ['', 'Example.org', 'https://a.b', 'a b', 'a..b', '-a', '.a', 'a:99999', 'a'.repeat(240)]) {
    assert.equal(parseServerName(text), undefined, text)
  }
})

test('databases are SQLite paths or PostgreSQL URLs', () => {
  for (const text of [
    'sqlite:x.db',
    'sqlite::memory:',
    'sqlite:/a/b',
    'sqlite:///a',
    'postgres://u:p@h:5432/d',
    'postgresql:///d?host=/run',
  ]) {
    assert.equal(parseDatabase(text), text)
  }
  for (const text of ['', 'sqlite:', 'sqlite://x.db', 'x.db', 'mysql://h/d', 'postgres://h:port/d'])
    assert.equal(parseDatabase(text), undefined, text)
})

test('a database is shown without its passwords', () => {
  assert.equal(redactDatabase('postgres://u:geheim@h/d?sslmode=require'), 'postgres://u:hidden@h/d?sslmode=require')
  assert.doesNotMatch(redactDatabase('postgres://h/d?password=geheim&sslpassword=geheim'), /geheim/)
  assert.equal(redactDatabase('sqlite:/a/b'), 'sqlite:/a/b')
})

test('base URLs lose their last slash and carry nothing but a path', () => {
  assert.equal(parseBaseUrl('https://Matrix.example.org/'), 'https://matrix.example.org')
  assert.equal(parseBaseUrl('http://127.0.0.1:8008/chat//'), 'http://127.0.0.1:8008/chat')
  for (const text of ['example.org', 'ftp://a', 'https://u:p@a', 'https://a?b', 'https://a/#c'])
    assert.equal(parseBaseUrl(text), undefined, text)
})

test('proxies are addresses or ranges', () => {
  for (const text of ['127.0.0.1', '10.0.0.0/8', '::1', 'fd00::/8']) assert.equal(parseAddressRange(text), text)
  for (const text of ['', 'proxy', '10.0.0.0/33', '::/129', '10.0.0.0/8/8', '10.0.0.0/', 'fe80::1%eth0']) {
    assert.equal(parseAddressRange(text), undefined, text)
  }
})

test('no text makes a parser fail, and what they give back they take again', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      parseDuration(text)
      parseSize(text)
      parseListen(text)
      parseAddressRange(text)
      redactDatabase(text)
    }),
  )
  fc.assert(
    fc.property(fc.webUrl({ withQueryParameters: false, withFragments: false }), (url) => {
      const base = parseBaseUrl(url)
      assert.ok(base !== undefined && parseBaseUrl(base) === base)
    }),
  )
})

test('an address to listen on may be marked for TLS', () => {
  assert.deepEqual(parseListener('0.0.0.0:8448 tls'), { host: '0.0.0.0', port: 8448, tls: true })
  assert.deepEqual(parseListener('[::]:8448'), { host: '::', port: 8448, tls: false })
  for (const text of ['0.0.0.0:8448tls', 'tls', '0.0.0.0:8448 ssl']) assert.equal(parseListener(text), undefined, text)
})
