import type { Purpose } from './store.ts'

const en = {
  subject: {
    register: (server: string) => `Confirm your address for ${server}`,
    add: (server: string) => `Confirm your address for ${server}`,
    password: (server: string) => `A new password for ${server}`,
  } satisfies Record<Purpose, (server: string) => string>,
  lead: {
    register: (server: string) =>
      `Somebody, hopefully you, wants to make an account on ${server} with this mail address.`,
    add: (server: string) =>
      'Somebody, hopefully you, wants to add this mail address to their account on ' +
      `${server}. Whoever can read its mail can then set a new password for that account.`,
    password: (server: string) => `Somebody, hopefully you, wants to set a new password for your account on ${server}.`,
  } satisfies Record<Purpose, (server: string) => string>,
  open: 'Open this page to confirm that it was you, within an hour:',
  go: 'Confirm',
  care: 'If it was not you, you need not do anything.',
  title: 'Confirm your mail address',
  done: 'Confirmed',
  doneLead: 'You can close this page and go back to the app.',
  lost: 'This link has been used already, or is too old. Ask for another one in the app.',
}

/** What mail, and the page behind its link, say. */
export type MailTexts = typeof en

const de: MailTexts = {
  subject: {
    register: (server) => `Bestätige deine Adresse für ${server}`,
    add: (server) => `Bestätige deine Adresse für ${server}`,
    password: (server) => `Ein neues Passwort für ${server}`,
  },
  lead: {
    register: (server) => `Jemand, hoffentlich du, möchte mit dieser E-Mail-Adresse ein Konto bei ${server} anlegen.`,
    add: (server) =>
      `Jemand, hoffentlich du, möchte diese E-Mail-Adresse einem Konto bei ${server} hinzufügen. ` +
      'Wer ihre Post lesen kann, kann dann ein neues Passwort für dieses Konto setzen.',
    password: (server) => `Jemand, hoffentlich du, möchte ein neues Passwort für dein Konto bei ${server} setzen.`,
  },
  open: 'Öffne diese Seite innerhalb einer Stunde, um zu bestätigen, dass du es warst:',
  go: 'Bestätigen',
  care: 'Wenn du es nicht warst, brauchst du nichts zu tun.',
  title: 'Bestätige deine E-Mail-Adresse',
  done: 'Bestätigt',
  doneLead: 'Du kannst diese Seite schließen und zur App zurückkehren.',
  lost: 'Dieser Link wurde schon benutzt oder ist zu alt. Lass dir in der App einen neuen schicken.',
}

/** By the language that `textsFor` chose. */
export const mailTexts = (language: string): MailTexts => (language === 'de' ? de : en)
