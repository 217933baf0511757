import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { html, textOf } from './html.ts'

test('text is escaped, markup and lists are not', () => {
  assert.equal(
    textOf(html`<p title="${'"\'<&>'}">${html`<b>${'<i>'}</b>`}${['a', html`<br />`, 1, undefined, false]}</p>`),
    '<p title="&quot;&#39;&lt;&amp;&gt;"><b>&lt;i&gt;</b>a<br />1</p>',
  )
})

test('no text opens a tag, closes an attribute or begins an entity', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const escaped = textOf(html`${text}`)
      assert.doesNotMatch(escaped, /[<>"']/)
      assert.doesNotMatch(escaped, /&(?!(amp|lt|gt|quot|#39);)/)
    }),
  )
})

test('what only looks like markup is text', () => {
  const lookalike = JSON.parse('{"markup":"<script>"}') as never
  assert.throws(() => html`${lookalike}`)
})
