/** Names of U+00A0 to U+00FF, in order. */
const latin1 =
  'nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 acute micro para middot cedil sup1' +
  ' ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml' +
  ' ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig' +
  ' ccedil egrave eacute ecirc euml igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml' +
  ' yacute thorn yuml'

const named = new Map<string, string>([
  ...latin1.split(' ').map((name, index) => [name, String.fromCharCode(0xa0 + index)] as const),
  ...Object.entries({
    amp: '&',
    lt: '<',
    gt: '>',
    quot: '"',
    apos: "'",
    hellip: '…',
    mdash: '—',
    ndash: '–',
    lsquo: '‘',
    rsquo: '’',
    sbquo: '‚',
    ldquo: '“',
    rdquo: '”',
    bdquo: '„',
    lsaquo: '‹',
    rsaquo: '›',
    bull: '•',
    euro: '€',
    trade: '™',
    larr: '←',
    rarr: '→',
    uarr: '↑',
    darr: '↓',
    minus: '−',
    prime: '′',
    Prime: '″',
    infin: '∞',
    ne: '≠',
    le: '≤',
    ge: '≥',
    hearts: '♥',
    star: '☆',
    check: '✓',
    oelig: 'œ',
    OElig: 'Œ',
    Scaron: 'Š',
    scaron: 'š',
    Yuml: 'Ÿ',
    thinsp: ' ',
    ensp: ' ',
    emsp: ' ',
    zwj: '\u200d',
    zwnj: '\u200c',
    Tab: '\t',
    NewLine: '\n',
    colon: ':',
    comma: ',',
    period: '.',
    excl: '!',
    quest: '?',
    num: '#',
    lpar: '(',
    rpar: ')',
    sol: '/',
    lbrack: '[',
    rbrack: ']',
    lowbar: '_',
    vert: '|',
  }),
])

/** What pages mean by the numbers of control characters: the characters that Windows has there. */
const windows = new TextDecoder('windows-1252')

function character(code: number): string {
  if (code >= 0x80 && code < 0xa0) return windows.decode(Uint8Array.of(code))
  return code === 0 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? '\ufffd' : String.fromCodePoint(code)
}

/** Turns the character references of HTML into characters; rare names stay as they are. */
export const decodeEntities = (text: string): string =>
  text.replace(
    /&(?:#[xX]([0-9a-fA-F]{1,6});?|#(\d{1,7});?|([a-zA-Z][a-zA-Z0-9]{1,9});|(amp|lt|gt|quot)(?![a-zA-Z0-9=]))/g,
    (whole, hex?: string, decimal?: string, name?: string, bare?: string) => {
      if (hex !== undefined) return character(Number.parseInt(hex, 16))
      return decimal === undefined ? (named.get(name ?? bare ?? '') ?? whole) : character(Number(decimal))
    },
  )
