/** Names of URL options whose values are secrets. */
const secretOption = /([?&][^=&\s]*(?:pass|secret|token|key|credential)[^=&\s]*=)[^&\s"']+/gi

/** The text without passwords: those of any URL in it, and those of the URLs that this process was given, wherever they stand. */
export function redacted(text: string, given: Iterable<string> = []): string {
  let clean = text.replace(/([a-z][\w+.-]*:\/\/)([^\s/:@"']*:)[^\s/"']*@/gi, '$1$2***@').replace(secretOption, '$1***')
  for (const url of given) for (const secret of secretsOf(url)) clean = clean.replaceAll(secret, '***')
  return clean
}

function secretsOf(url: string): string[] {
  const found: string[] = []
  const password = /^[a-z][\w+.-]*:\/\/[^/@:]*:(.*)@/i.exec(url.split(/[?#]/)[0] as string)?.[1]
  if (password !== undefined) found.push(password, decoded(password))
  for (const [, name = '', value = ''] of url.matchAll(/[?&]([^=&]*)=([^&#]*)/g))
    if (/pass|secret|token|key|credential/i.test(name)) found.push(value, decoded(value))
  // A very short one would blacken half of the text.
  return [...new Set(found)].filter((secret) => secret.length >= 4).sort((a, b) => b.length - a.length)
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
