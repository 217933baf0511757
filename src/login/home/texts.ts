/** What the home page and the chat of a try-out say, in English. Another language is another value of this shape. */
const en = {
  title: 'This is a Matrix server',
  lead: (server: string) =>
    `People of ${server} chat here. They do so with an app of their choice, and not on this page.`,
  use: (address: string) => `When the app asks for a homeserver, name it: ${address}`,
  account: 'Your account',
  tryOut: 'Try it out',
  tryOutLead: 'A chat in this browser: be Alice here, be Bob in a second window, and talk.',
  chatAs: (name: string) => `Chat as ${name}`,
  tryOutCare: 'Only whoever sits at this machine sees this, and only as long as nothing is configured.',
  chat: {
    title: (name: string) => `Chat as ${name}`,
    rooms: 'Rooms',
    second: (name: string) => `Be ${name} in a second window`,
    back: 'Home',
    write: 'Write a message',
    send: 'Send',
    script: {
      roomName: 'Try-out',
      signingIn: 'Signing in …',
      empty: 'Nobody has said anything yet. Be {name} in a second window, and say hello.',
      away: 'The server does not answer. This page tries again …',
      alone: 'Nobody else',
      invitation: 'invitation',
      encrypted: 'An encrypted message, which this small page cannot read',
      joined: '{name} came in',
      left: '{name} left',
      invited: '{name} was invited',
      banned: '{name} was banned',
    },
  },
}

/** Everything that these pages say, in one language. */
export type HomeTexts = typeof en

const de: HomeTexts = {
  title: 'Das ist ein Matrix-Server',
  lead: (server) => `Hier chatten die Leute von ${server}, und zwar mit einer App ihrer Wahl, nicht auf dieser Seite.`,
  use: (address) => `Wenn die App nach einem Homeserver fragt, nenne diesen: ${address}`,
  account: 'Dein Konto',
  tryOut: 'Ausprobieren',
  tryOutLead: 'Ein Chat in diesem Browser: Sei hier Alice, in einem zweiten Fenster Bob, und redet miteinander.',
  chatAs: (name) => `Als ${name} chatten`,
  tryOutCare: 'Das sieht nur, wer an diesem Rechner sitzt, und nur, solange nichts konfiguriert ist.',
  chat: {
    title: (name) => `Chat als ${name}`,
    rooms: 'Räume',
    second: (name) => `In einem zweiten Fenster ${name} sein`,
    back: 'Startseite',
    write: 'Nachricht schreiben',
    send: 'Senden',
    script: {
      roomName: 'Zum Ausprobieren',
      signingIn: 'Anmeldung …',
      empty: 'Noch hat niemand etwas gesagt. Sei in einem zweiten Fenster {name}, und sag hallo.',
      away: 'Der Server antwortet nicht. Diese Seite versucht es weiter …',
      alone: 'Niemand sonst',
      invitation: 'Einladung',
      encrypted: 'Eine verschlüsselte Nachricht, die diese kleine Seite nicht lesen kann',
      joined: '{name} ist gekommen',
      left: '{name} ist gegangen',
      invited: '{name} wurde eingeladen',
      banned: '{name} wurde verbannt',
    },
  },
}

/** The texts in the language of a page. */
export const homeTexts = (language: string): HomeTexts => (language === 'de' ? de : en)
