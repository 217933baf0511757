import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodePage } from './charset.ts'
import { decodeEntities } from './entities.ts'
import { cardOf, tidy, withOembed } from './open-graph.ts'
import { readPage } from './page.ts'

const url = new URL('https://example.org/dir/page.html')
const card = (html: string) => cardOf(readPage(html), url)

test('OpenGraph comes first, in whatever spelling', () => {
  const { values, image } = card(`<!doctype html><html><HEAD><title>Plain</title>
    <meta property="og:title" content="Tom &amp; Jerry&#x27;s &eacute;t&eacute;"><META CONTENT='A "quoted"
      story' NAME=description /><meta property='og:description' content="Described"/><meta content=Site property=og:site_name>
    <meta property="og:image" content="/a.png?x=1&amp;copy=2"><meta property="og:image" content="/b.png"><meta name="twitter:title" content="Other">
    <meta property="og:video" content="https://example.org/v.mp4"><meta property="og:url" content="page"><meta property="og:type" content="article">`)
  assert.deepEqual(values, {
    'og:title': "Tom & Jerry's été",
    'og:description': 'Described',
    'og:site_name': 'Site',
    'og:type': 'article',
    'og:url': 'https://example.org/dir/page',
  })
  assert.equal(image?.href, 'https://example.org/a.png?x=1&copy=2')
})

test('a page without OpenGraph is described by its title and its first paragraphs', () => {
  const { values, image } =
    card(`<html><head><script>var a = "<title>No</title><p>no</p>"</script><style>p { }</style><title>
    A &lt;title&gt;</title></head><body><nav><p>Menu</p></nav><!-- <p>hidden</p> --><div>not a paragraph<p>First <b>bold</b> text<p>Second<br>line</p>
    <svg><title>Icon</title></svg><noscript><p>no</p></noscript>outside`)
  assert.deepEqual(values, { 'og:title': 'A <title>', 'og:description': 'First bold text Second line' })
  assert.equal(image, undefined)
})

test('relative addresses start from the base, and only web addresses count', () => {
  assert.equal(
    card('<base href="/other/"><meta property="og:image" content="a.png">').image?.href,
    'https://example.org/other/a.png',
  )
  assert.equal(card('<link rel="image_src" href="b.png">').image?.href, 'https://example.org/dir/b.png')
  for (const image of [
    'javascript:alert(1)',
    'data:image/png;base64,xx',
    'file:///etc/passwd',
    'http://u:p@example.org/',
    '',
  ]) {
    assert.equal(
      card(`<meta property="og:image" content="${image}"><meta property="og:url" content="${image}">`).image,
      undefined,
      image,
    )
  }
})

test('an oEmbed description fills what is missing, and nothing else', () => {
  const text = JSON.stringify({
    type: 'rich',
    title: 'T',
    author_name: 'A',
    provider_name: 'P',
    html: '<blockquote><p>Hello &amp; bye</p></blockquote><script>x</script>',
    thumbnail_url: '/t.png',
  })
  assert.deepEqual(withOembed({ values: { 'og:title': 'Own' }, image: undefined }, text, url), {
    values: { 'og:title': 'Own', 'og:site_name': 'P', 'og:description': 'Hello & bye' },
    image: new URL('https://example.org/t.png'),
  })
  assert.equal(
    withOembed({ values: {}, image: undefined }, '{"type":"photo","url":"p.jpg"}', url).image?.href,
    'https://example.org/dir/p.jpg',
  )
  const empty = { values: {}, image: undefined }
  for (const broken of [
    '',
    'null',
    '[]',
    '{',
    '"x"',
    '1',
    '{"title":{"a":1},"html":7,"thumbnail_url":[]}',
    '['.repeat(100_000),
  ])
    assert.deepEqual(withOembed(empty, broken, url), empty)
})

test('the encoding of a page is found', () => {
  assert.equal(decodePage(Buffer.from('caf\xe9', 'latin1'), 'text/html; charset=ISO-8859-1'), 'café')
  assert.equal(
    decodePage(Buffer.from('<meta charset="windows-1252">caf\xe9 \x80', 'latin1'), 'text/html'),
    '<meta charset="windows-1252">café €',
  )
  assert.equal(
    decodePage(
      Buffer.from('<meta http-equiv="Content-Type" content="text/html; charset=shift_jis">\x83\x65', 'latin1'),
      '',
    ),
    '<meta http-equiv="Content-Type" content="text/html; charset=shift_jis">テ',
  )
  assert.equal(decodePage(Buffer.from('\ufeffhé', 'utf16le'), 'text/html; charset=utf-8'), 'hé')
  assert.equal(decodePage(Buffer.from('héé'), 'text/html; charset=nonsense'), 'héé')
})

test('character references are read as browsers read them', () => {
  assert.equal(
    decodeEntities('&#8364;&#x20AC;&euro;&#128;&#0;&#xD800;&#x110000;&nbsp;&unknown;&amp &copy=1&ampx;'),
    '€€€€\ufffd\ufffd\ufffd\u00a0&unknown;& &copy=1&ampx;',
  )
})

test('text for people has one line and an end', () => {
  assert.equal(tidy(' a\n\t\u0000b\u2028c '), 'a b c')
  assert.equal(tidy('\n '), undefined)
  assert.equal(tidy('x'.repeat(5000))?.length, 1000)
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 1500 }), (text) => {
      const line = tidy(text) ?? 'x'
      assert.ok(line.isWellFormed() && line.length <= 1000 && !/\p{Cc}/u.test(line))
    }),
  )
})

// CVE-2022-31052
test('no page breaks the reader, or keeps it busy', () => {
  const parts = fc.constantFrom(
    '<',
    '>',
    '/',
    '"',
    "'",
    '=',
    ' ',
    '!--',
    '-->',
    'meta',
    'property',
    'content',
    'p',
    'title',
    'script',
    '</',
    '<p>',
    '<meta ',
    '&',
    '&#x',
    ';',
    'ä',
    'K',
    '\0',
    'og:title',
  )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.array(parts, { maxLength: 200 }).map((list) => list.join('')),
        fc.string({ unit: 'binary' }),
      ),
      (html) => {
        const { values } = card(html)
        for (const value of Object.values(values)) assert.equal(typeof value, 'string')
      },
    ),
    { numRuns: 2000 },
  )
  const many = 1_000_000
  const heavy = [
    '<div>'.repeat(many / 5),
    '<'.repeat(many),
    `<a${' '.repeat(many)}`,
    `<a${' '.repeat(many)}>`,
    '<a ="'.repeat(many / 5),
    `<meta ${'a= '.repeat(many / 3)}>`,
    '<!--'.repeat(many / 4),
    '<script>'.repeat(many / 8),
    '<title>'.repeat(many / 7),
    `<a ${'"'.repeat(many)}`,
    `<a x='${'"'.repeat(many)}`,
    '&'.repeat(many),
    '<p>&#x'.repeat(many / 6),
    '</'.repeat(many / 2),
    '<!'.repeat(many / 2),
    `<meta property="og:title" content="${'&amp;'.repeat(many / 5)}">`,
    '<p>a'.repeat(many / 4),
    `<meta name="${' '.repeat(many)}" content=x>`,
    '\u0130'.repeat(many),
    `<a ${'/'.repeat(many)}`,
    `<a ${'x '.repeat(many / 2)}`,
  ]
  for (const html of heavy) {
    const start = performance.now()
    card(html)
    decodePage(Buffer.from(html), html)
    assert.ok(performance.now() - start < 1000, `${html.slice(0, 20)}: ${performance.now() - start} ms`)
  }
})
