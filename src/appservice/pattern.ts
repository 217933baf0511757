/** Whether a text begins with what the pattern describes. */
export type Pattern = (text: string) => boolean

/** A pattern that cannot be taken, with the reason as a sentence. */
export class PatternError extends Error {
  override readonly name = 'PatternError'
}

type Test = (char: string) => boolean
type Node =
  | { readonly kind: 'char'; readonly test: Test }
  | { readonly kind: 'sequence' | 'choice'; readonly items: readonly Node[] }
  | { readonly kind: 'repeat'; readonly item: Node; readonly min: number; readonly max: number }
  | { readonly kind: 'start' | 'end' }
  | { readonly kind: 'ahead'; readonly item: Node; readonly isNegative: boolean }

/** One step of a compiled pattern; numbers are places of steps. */
type Step =
  | { readonly op: 'char'; readonly test: Test }
  | { readonly op: 'fork'; first: number; second: number }
  | { readonly op: 'jump'; to: number }
  | { readonly op: 'start' | 'end' | 'done' }
  | { readonly op: 'ahead'; readonly from: number; readonly isNegative: boolean; next: number }

/** Patterns that need more steps than this are refused: each costs work for every name that is looked at. */
const mostSteps = 5000
const mostRepeats = 1000
const deepest = 100

const isDigit: Test = (char) => char >= '0' && char <= '9'
const isWord: Test = (char) => /^[A-Za-z0-9_]$/.test(char)
const isSpace: Test = (char) => /^\s$/.test(char)
const not =
  (test: Test): Test =>
  (char) =>
    !test(char)
const classes: Readonly<Record<string, Test>> = {
  d: isDigit,
  D: not(isDigit),
  w: isWord,
  W: not(isWord),
  s: isSpace,
  S: not(isSpace),
}
const controls: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', f: '\f', v: '\v' }

/** Reads the pattern into a tree. */
class Parser {
  readonly #chars: readonly string[]
  #at = 0
  #depth = 0

  constructor(pattern: string) {
    this.#chars = Array.from(pattern)
  }

  whole(): Node {
    const node = this.#choice()
    if (this.#at < this.#chars.length) throw new PatternError('A ")" has no "(" before it')
    return node
  }

  #take(expected: string): boolean {
    if (!expected.split('').every((char, offset) => this.#chars[this.#at + offset] === char)) return false
    this.#at += expected.length
    return true
  }

  #next(missing: string): string {
    const char = this.#chars[this.#at++]
    if (char === undefined) throw new PatternError(missing)
    return char
  }

  #choice(): Node {
    if (++this.#depth > deepest) throw new PatternError('Its groups are nested too deep')
    const items = [this.#sequence()]
    while (this.#take('|')) items.push(this.#sequence())
    this.#depth -= 1
    return items.length === 1 && items[0] ? items[0] : { kind: 'choice', items }
  }

  #sequence(): Node {
    const items: Node[] = []
    for (
      let char = this.#chars[this.#at];
      char !== undefined && char !== '|' && char !== ')';
      char = this.#chars[this.#at]
    ) {
      items.push(this.#repeated(this.#atom()))
    }
    return { kind: 'sequence', items }
  }

  #repeated(item: Node): Node {
    const bounds = this.#bounds()
    if (!bounds) return item
    if (item.kind === 'start' || item.kind === 'end' || item.kind === 'ahead')
      throw new PatternError('A repetition follows what has no length')
    // Whether as much or as little as possible is taken makes no difference to whether it fits.
    this.#take('?')
    if (this.#bounds()) throw new PatternError('Two repetitions follow one another')
    const { min, max } = bounds
    if (min > max) throw new PatternError('A repetition ends before it begins')
    if (Math.max(min, max === Infinity ? 0 : max) > mostRepeats)
      throw new PatternError(`A repetition of more than ${mostRepeats} is too much`)
    return { kind: 'repeat', item, min, max }
  }

  #bounds(): { min: number; max: number } | undefined {
    if (this.#take('*')) return { min: 0, max: Infinity }
    if (this.#take('+')) return { min: 1, max: Infinity }
    if (this.#take('?')) return { min: 0, max: 1 }
    const [all, from = '', comma, to = ''] =
      /^\{(\d{0,4})(,?)(\d{0,4})\}/.exec(this.#chars.slice(this.#at, this.#at + 12).join('')) ?? []
    if (all === undefined || (from === '' && to === '')) return undefined
    this.#at += all.length
    const min = Number(from)
    return { min, max: comma === '' ? min : to === '' ? Infinity : Number(to) }
  }

  #atom(): Node {
    const char = this.#next('It ends too early')
    switch (char) {
      case '(':
        return this.#group()
      case '[':
        return { kind: 'char', test: this.#class() }
      case '.':
        return { kind: 'char', test: (other) => other !== '\n' }
      case '^':
        return { kind: 'start' }
      case '$':
        return { kind: 'end' }
      case '\\':
        return { kind: 'char', test: this.#escape() }
      case '*':
      case '+':
      case '?':
        throw new PatternError(`"${char}" follows nothing that could be repeated`)
      default:
        return { kind: 'char', test: (other) => other === char }
    }
  }

  #group(): Node {
    const isNegative = this.#take('?!')
    const isAhead = isNegative || this.#take('?=')
    if (!isAhead && !this.#take('?:') && this.#chars[this.#at] === '?') {
      const named = /^\?P?<[A-Za-z_]\w*>/.exec(this.#chars.slice(this.#at, this.#at + 100).join(''))
      if (!named)
        throw new PatternError('Of what can begin with "(?", only (?: ), (?= ), (?! ) and named groups are understood')
      this.#at += named[0].length
    }
    const item = this.#choice()
    if (!this.#take(')')) throw new PatternError('A "(" is not closed')
    return isAhead ? { kind: 'ahead', item, isNegative } : item
  }

  #escape(): Test {
    const char = this.#next('A "\\" stands at its end')
    const known = classes[char]
    if (known) return known
    const literal = controls[char] ?? char
    if (literal === char && /[A-Za-z0-9]/.test(char)) throw new PatternError(`"\\${char}" is not understood`)
    return (other) => other === literal
  }

  #class(): Test {
    const isNegative = this.#take('^')
    const tests: Test[] = []
    while (tests.length === 0 || this.#chars[this.#at] !== ']') tests.push(this.#range())
    this.#at += 1
    const fits: Test = (char) => tests.some((test) => test(char))
    return isNegative ? not(fits) : fits
  }

  #range(): Test {
    const from = this.#member()
    if (typeof from !== 'string' || this.#chars[this.#at] !== '-' || this.#chars[this.#at + 1] === ']')
      return typeof from === 'string' ? (char) => char === from : from
    this.#at += 1
    const to = this.#member()
    const [low, high] = [from.codePointAt(0) ?? 0, typeof to === 'string' ? (to.codePointAt(0) ?? 0) : -1]
    if (high < low) throw new PatternError('A range in "[ ]" ends before it begins')
    return (char) => {
      const code = char.codePointAt(0) ?? 0
      return code >= low && code <= high
    }
  }

  #member(): string | Test {
    const char = this.#next('A "[" is not closed')
    if (char === ']') throw new PatternError('"[]" is empty: write \\] for a bracket')
    if (char === '[') {
      if (':.='.includes(this.#chars[this.#at] ?? ' '))
        throw new PatternError('Classes such as [:alnum:] are not understood: write a-z and the like')
      return char
    }
    if (char !== '\\') return char
    const next = this.#chars[this.#at] ?? ''
    if (classes[next]) return this.#escape()
    this.#escape()
    return controls[next] ?? next
  }
}

function compile(root: Node): Step[] {
  const steps: Step[] = []
  const add = <S extends Step>(step: S): S => {
    if (steps.push(step) > mostSteps) throw new PatternError('It is too long, repetitions counted')
    return step
  }
  const addNode = (node: Node): void => {
    switch (node.kind) {
      case 'char':
        return void add({ op: 'char', test: node.test })
      case 'start':
      case 'end':
        return void add({ op: node.kind })
      case 'sequence':
        return node.items.forEach(addNode)
      case 'choice':
        return addChoice(node.items)
      case 'repeat':
        return addRepeat(node.item, node.min, node.max)
      case 'ahead': {
        const step = add({ op: 'ahead' as const, from: steps.length + 1, isNegative: node.isNegative, next: 0 })
        addNode(node.item)
        add({ op: 'done' })
        step.next = steps.length
      }
    }
  }
  const addChoice = (items: readonly Node[]): void => {
    const ends: Array<{ to: number }> = []
    items.forEach((item, index) => {
      const fork =
        index < items.length - 1 ? add({ op: 'fork' as const, first: steps.length + 1, second: 0 }) : undefined
      addNode(item)
      if (!fork) return
      ends.push(add({ op: 'jump' as const, to: 0 }))
      fork.second = steps.length
    })
    for (const end of ends) end.to = steps.length
  }
  const addRepeat = (item: Node, min: number, max: number): void => {
    for (let count = 0; count < min; count++) addNode(item)
    if (max === Infinity) {
      const begin = steps.length
      const fork = add({ op: 'fork' as const, first: begin + 1, second: 0 })
      addNode(item)
      add({ op: 'jump', to: begin })
      fork.second = steps.length
      return
    }
    const forks = Array.from({ length: max - min }, () => {
      const fork = add({ op: 'fork' as const, first: steps.length + 1, second: 0 })
      addNode(item)
      return fork
    })
    for (const fork of forks) fork.second = steps.length
  }
  addNode(root)
  add({ op: 'done' })
  return steps
}

/** Walks all ways through the steps at once: the work is bounded by steps times characters, whatever the pattern. */
function matches(
  steps: readonly Step[],
  chars: readonly string[],
  from: number,
  begin: number,
  memory: Map<number, boolean>,
): boolean {
  let current = new Set<number>()
  /** Follows what needs no character; true when the end is reached. */
  const enter = (to: Set<number>, place: number, at: number): boolean => {
    const waiting = [place]
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      if (to.has(next)) continue
      to.add(next)
      const step = steps[next]
      if (!step) continue
      switch (step.op) {
        case 'done':
          return true
        case 'char':
          break
        case 'jump':
          waiting.push(step.to)
          break
        case 'fork':
          waiting.push(step.first, step.second)
          break
        case 'start':
          if (at === 0) waiting.push(next + 1)
          break
        case 'end':
          if (at === chars.length) waiting.push(next + 1)
          break
        case 'ahead':
          if (isAhead(step.from, at) !== step.isNegative) waiting.push(step.next)
      }
    }
    return false
  }
  const isAhead = (place: number, at: number): boolean => {
    const key = place * (chars.length + 1) + at
    const known = memory.get(key) ?? matches(steps, chars, place, at, memory)
    memory.set(key, known)
    return known
  }
  if (enter(current, from, begin)) return true
  for (let at = begin; at < chars.length && current.size > 0; at++) {
    const next = new Set<number>()
    for (const place of current) {
      const step = steps[place]
      if (step?.op === 'char' && step.test(chars[at] ?? '') && enter(next, place + 1, at + 1)) return true
    }
    current = next
  }
  return false
}

/**
 * Makes a pattern of a regular expression as registrations have them. It has to fit from the beginning of a text and need not reach its
 * end. Names are for anybody to choose, and no choice may keep the server busy: the expression is not walked by trial and error, as
 * `RegExp` does, so that back references and looking behind are not to be had.
 * @throws PatternError
 */
export function patternOf(source: string): Pattern {
  const steps = compile(new Parser(source).whole())
  return (text) => matches(steps, Array.from(text), 0, 0, new Map())
}
