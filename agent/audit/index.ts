export { type AuditEvent, createAudit } from './audit.ts'
