/** What the pages say, in English. Another language is another value of this shape. */
const en = {
  signIn: (app: string) => `Sign in to ${app}`,
  consent: {
    title: (app: string) => `Give ${app} your account?`,
    lead: (app: string, site: string | undefined) =>
      site === undefined
        ? `${app} asks to be signed in to your account:`
        : `${app} (${site}) asks to be signed in to your account:`,
    may: 'It will be able to',
    rights: [
      'read and send messages in your name, in all of your rooms',
      'see and change your profile, your rooms and your contacts',
      'see your other sessions',
    ],
    device: 'As a new session:',
    replaces: (name: string) => `It takes the place of your session “${name}”, which is signed out.`,
    returns: (target: string) => `Afterwards you are sent to ${target}.`,
    localApp: 'an app on this device',
    care: 'Allow this only if you came from that app yourself, and trust it.',
    allow: 'Allow',
    deny: 'Do not allow',
    another: 'Sign in as somebody else',
    terms: 'Terms',
    policy: 'Privacy',
  },
  link: {
    title: 'Sign in on another device',
    lead: 'Type the code that the other device shows.',
    code: 'Code',
    go: 'Continue',
    unknown: 'This code is not known, was used, or has run out. Ask the device for a new one.',
    confirm: (app: string) => `Sign in ${app} on another device?`,
    compare: 'The other device must show this code:',
    from: (address: string, when: string) => `It asked from ${address}, at ${when} UTC.`,
    care:
      'Allow this only if you began it yourself, on a device that you have at hand. ' +
      'Nobody from support will ever ask you for this: whoever does wants your account.',
    done: 'The device is signed in',
    doneLead: 'You can close this page and go on there.',
    denied: 'The device is not signed in',
    deniedLead: 'It has been told so. If you did not begin this, somebody may have tried to get into your account.',
  },
}

export type OAuthTexts = typeof en

const de: OAuthTexts = {
  signIn: (app) => `Anmelden bei ${app}`,
  consent: {
    title: (app) => `${app} dein Konto geben?`,
    lead: (app, site) =>
      site === undefined
        ? `${app} möchte an deinem Konto angemeldet werden:`
        : `${app} (${site}) möchte an deinem Konto angemeldet werden:`,
    may: 'Die App kann dann',
    rights: [
      'in allen deinen Räumen Nachrichten lesen und in deinem Namen schreiben',
      'dein Profil, deine Räume und Kontakte sehen und ändern',
      'deine anderen Sitzungen sehen',
    ],
    device: 'Als neue Sitzung:',
    replaces: (name) => `Sie tritt an die Stelle deiner Sitzung „${name}“, die abgemeldet wird.`,
    returns: (target) => `Danach geht es weiter zu ${target}.`,
    localApp: 'einer App auf diesem Gerät',
    care: 'Erlaube das nur, wenn du selbst von dieser App gekommen bist und ihr vertraust.',
    allow: 'Erlauben',
    deny: 'Nicht erlauben',
    another: 'Als jemand anderes anmelden',
    terms: 'Bedingungen',
    policy: 'Datenschutz',
  },
  link: {
    title: 'Ein anderes Gerät anmelden',
    lead: 'Gib den Code ein, den das andere Gerät zeigt.',
    code: 'Code',
    go: 'Weiter',
    unknown:
      'Dieser Code ist nicht bekannt, wurde benutzt oder ist abgelaufen. Lass dir von dem Gerät einen neuen geben.',
    confirm: (app) => `${app} auf einem anderen Gerät anmelden?`,
    compare: 'Das andere Gerät muss diesen Code zeigen:',
    from: (address, when) => `Es hat von ${address} aus gefragt, um ${when} UTC.`,
    care:
      'Erlaube das nur, wenn du es selbst begonnen hast, auf einem Gerät, das du bei ' +
      'dir hast. Kein Support wird dich je darum bitten: Wer das tut, will dein Konto.',
    done: 'Das Gerät ist angemeldet',
    doneLead: 'Du kannst diese Seite schließen und dort weitermachen.',
    denied: 'Das Gerät ist nicht angemeldet',
    deniedLead: 'Es hat davon erfahren. Wenn du das nicht begonnen hast, wollte vielleicht jemand in dein Konto.',
  },
}

/** The texts in the language of a page. */
export const textsFor = ({ language }: { readonly language: string }): OAuthTexts => (language === 'de' ? de : en)
