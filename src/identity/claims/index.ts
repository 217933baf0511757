export { LanguageError } from './lexer.ts'
export { type Claims, parsePath, type Path, shownPath, valueAt } from './path.ts'
export { parseRule, type Rule } from './rule.ts'
export { claimTemplate, parseTemplate, renderFirst, type Template } from './template.ts'
