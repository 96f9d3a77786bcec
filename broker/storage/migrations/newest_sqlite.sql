CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL,
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE agency (
	id VARCHAR(64) NOT NULL,
	name VARCHAR NOT NULL,
	ods_code VARCHAR,
	CONSTRAINT pk_agency PRIMARY KEY (id)
);
CREATE TABLE lease (
	name VARCHAR(64) NOT NULL,
	holder VARCHAR NOT NULL,
	until DATETIME NOT NULL,
	CONSTRAINT pk_lease PRIMARY KEY (name)
);
CREATE TABLE person (
	id VARCHAR(36) NOT NULL,
	state VARCHAR(40) NOT NULL,
	born DATE,
	expected DATE,
	name_blind VARCHAR(64),
	details BLOB NOT NULL,
	resolved BOOLEAN NOT NULL,
	merged_into VARCHAR,
	version INTEGER NOT NULL,
	created_at DATETIME NOT NULL, review_at DATETIME, erased_at DATETIME,
	CONSTRAINT ck_person_merged_has_target CHECK ((state = 'merged') = (merged_into IS NOT NULL)),
	CONSTRAINT ck_person_person_state CHECK (state IN ('living', 'unborn', 'died', 'pregnancy-ended', 'merged', 'sealed')),
	CONSTRAINT fk_person_merged_into FOREIGN KEY(merged_into) REFERENCES person (id),
	CONSTRAINT pk_person PRIMARY KEY (id)
);
CREATE TABLE revision (
	name VARCHAR(64) NOT NULL,
	number INTEGER NOT NULL,
	CONSTRAINT pk_revision PRIMARY KEY (name)
);
CREATE TABLE areapostcode (
	outward VARCHAR(4) NOT NULL,
	area_id VARCHAR NOT NULL,
	CONSTRAINT fk_areapostcode_area_id FOREIGN KEY(area_id) REFERENCES area (id),
	CONSTRAINT pk_areapostcode PRIMARY KEY (outward)
);
CREATE TABLE household (
	id VARCHAR(36) NOT NULL,
	area_id VARCHAR,
	refuge BOOLEAN NOT NULL,
	version INTEGER NOT NULL,
	created_at DATETIME NOT NULL,
	CONSTRAINT fk_household_area_id FOREIGN KEY(area_id) REFERENCES area (id),
	CONSTRAINT pk_household PRIMARY KEY (id)
);
CREATE TABLE address (
	id VARCHAR(36) NOT NULL,
	person_id VARCHAR NOT NULL,
	place_blind VARCHAR(64) NOT NULL,
	value BLOB NOT NULL,
	area_id VARCHAR,
	protected BOOLEAN NOT NULL,
	asserted_by VARCHAR NOT NULL,
	asserted_at DATETIME NOT NULL,
	ended_at DATETIME,
	CONSTRAINT fk_address_area_id FOREIGN KEY(area_id) REFERENCES area (id),
	CONSTRAINT fk_address_asserted_by FOREIGN KEY(asserted_by) REFERENCES team (id),
	CONSTRAINT fk_address_person_id FOREIGN KEY(person_id) REFERENCES person (id),
	CONSTRAINT pk_address PRIMARY KEY (id)
);
CREATE TABLE coverage (
	area_id VARCHAR NOT NULL,
	function VARCHAR(40) NOT NULL,
	team_id VARCHAR NOT NULL,
	CONSTRAINT ck_coverage_coverage_function CHECK (function IN ('midwifery', 'health-visiting', 'family-nurse-partnership', 'school-nursing', 'neonatal', 'paediatrics', 'emergency-department', 'general-practice', 'child-health-information', 'mental-health', 'substance-misuse', 'probation', 'youth-justice', 'prison', 'police', 'childrens-social-care', 'emergency-duty-team', 'mash', 'early-help', 'housing', 'domestic-abuse', 'safeguarding-lead', 'partnership')),
	CONSTRAINT fk_coverage_area_id FOREIGN KEY(area_id) REFERENCES area (id),
	CONSTRAINT fk_coverage_team_id FOREIGN KEY(team_id) REFERENCES team (id),
	CONSTRAINT pk_coverage PRIMARY KEY (area_id, function)
);
CREATE TABLE identifier (
	id VARCHAR(36) NOT NULL,
	person_id VARCHAR NOT NULL,
	system VARCHAR NOT NULL,
	blind VARCHAR(64) NOT NULL,
	value BLOB NOT NULL,
	verified BOOLEAN,
	valid BOOLEAN NOT NULL,
	binding BOOLEAN NOT NULL,
	asserted_by VARCHAR NOT NULL,
	asserted_at DATETIME NOT NULL,
	ended_at DATETIME,
	CONSTRAINT fk_identifier_asserted_by FOREIGN KEY(asserted_by) REFERENCES team (id),
	CONSTRAINT fk_identifier_person_id FOREIGN KEY(person_id) REFERENCES person (id),
	CONSTRAINT pk_identifier PRIMARY KEY (id)
);
CREATE TABLE mailboxnumber (
	team_id VARCHAR NOT NULL,
	last INTEGER NOT NULL,
	CONSTRAINT fk_mailboxnumber_team_id FOREIGN KEY(team_id) REFERENCES team (id),
	CONSTRAINT pk_mailboxnumber PRIMARY KEY (team_id)
);
CREATE TABLE notification (
	id VARCHAR(36) NOT NULL,
	sender_team_id VARCHAR NOT NULL,
	message_id VARCHAR(64),
	via VARCHAR NOT NULL,
	state VARCHAR(40) NOT NULL,
	event VARCHAR(40),
	kind VARCHAR,
	priority VARCHAR(40) NOT NULL,
	occurred_at DATETIME,
	received_at DATETIME NOT NULL,
	raw BLOB NOT NULL,
	content_type VARCHAR NOT NULL,
	content_hash VARCHAR(64) NOT NULL,
	content BLOB,
	standing VARCHAR NOT NULL,
	answer BLOB NOT NULL,
	policy_version VARCHAR NOT NULL,
	decided_on JSON NOT NULL,
	reference_id VARCHAR,
	withdrawn_at DATETIME, data_key BLOB, shredded_at DATETIME,
	CONSTRAINT ck_notification_event CHECK (event IN ('pregnancy-booking', 'pregnancy-notification', 'pregnancy-end', 'birth', 'maternity-discharge', 'child-contact', '6-8-week-examination', 'immunisation', 'measurement', 'not-brought', 'no-access', 'did-not-attend', 'concern', 'advice-to-attend', 'emergency-attendance', 'child-admission', 'child-discharge', 'referral', 'referral-outcome', 'gp-registration', 'change-of-address', 'identifier-change', 'death', 'mental-health-admission', 'mental-health-leave', 'mental-health-discharge', 'supervision-start', 'supervision-change', 'supervision-end', 'enforcement', 'custody-start', 'custody-release', 'protection-plan-start', 'protection-plan-end', 'looked-after-start', 'looked-after-move', 'looked-after-end', 'private-fostering', 'involvement-start', 'involvement-end', 'household-update', 'transfer', 'information-request', 'information', 'withdraw')),
	CONSTRAINT ck_notification_notification_state CHECK (state IN ('accepted', 'refused', 'ignored', 'withdrawn')),
	CONSTRAINT ck_notification_priority CHECK (priority IN ('routine', 'urgent', 'asap', 'stat')),
	CONSTRAINT fk_notification_reference_id FOREIGN KEY(reference_id) REFERENCES notification (id),
	CONSTRAINT fk_notification_sender_team_id FOREIGN KEY(sender_team_id) REFERENCES team (id),
	CONSTRAINT pk_notification PRIMARY KEY (id)
);
CREATE TABLE relationship (
	id VARCHAR(36) NOT NULL,
	person_id VARCHAR NOT NULL,
	kind VARCHAR(40) NOT NULL,
	to_person_id VARCHAR NOT NULL,
	asserted_by VARCHAR NOT NULL,
	asserted_at DATETIME NOT NULL,
	CONSTRAINT ck_relationship_relationship_kind CHECK (kind IN ('mother', 'father', 'parent', 'partner', 'grandparent', 'sibling', 'carer', 'other')),
	CONSTRAINT fk_relationship_asserted_by FOREIGN KEY(asserted_by) REFERENCES team (id),
	CONSTRAINT fk_relationship_person_id FOREIGN KEY(person_id) REFERENCES person (id),
	CONSTRAINT fk_relationship_to_person_id FOREIGN KEY(to_person_id) REFERENCES person (id),
	CONSTRAINT pk_relationship PRIMARY KEY (id),
	CONSTRAINT uq_relationship_person_id_kind_to_person_id UNIQUE (person_id, kind, to_person_id)
);
CREATE TABLE accesstoken (
	digest VARCHAR(64) NOT NULL,
	client_name VARCHAR NOT NULL,
	scopes VARCHAR NOT NULL,
	expires_at DATETIME NOT NULL, certificate VARCHAR(43),
	CONSTRAINT fk_accesstoken_client_name FOREIGN KEY(client_name) REFERENCES client (name),
	CONSTRAINT pk_accesstoken PRIMARY KEY (digest)
);
CREATE TABLE delivery (
	id VARCHAR(36) NOT NULL,
	notification_id VARCHAR,
	team_id VARCHAR NOT NULL,
	cause VARCHAR NOT NULL,
	state VARCHAR(40) NOT NULL,
	purpose VARCHAR(40) NOT NULL,
	"view" VARCHAR(40) NOT NULL,
	reason_code VARCHAR NOT NULL,
	reason VARCHAR NOT NULL,
	policy_version VARCHAR NOT NULL,
	known_to_sender BOOLEAN NOT NULL,
	number INTEGER,
	created_at DATETIME NOT NULL,
	next_attempt_at DATETIME,
	lease_until DATETIME,
	attempts INTEGER NOT NULL,
	sent_at DATETIME,
	delivered_at DATETIME,
	CONSTRAINT ck_delivery_delivered_has_time CHECK (state <> 'delivered' OR delivered_at IS NOT NULL),
	CONSTRAINT ck_delivery_delivery_state CHECK (state IN ('withheld', 'held', 'ready', 'sending', 'sent', 'delivered', 'parked', 'cancelled')),
	CONSTRAINT ck_delivery_only_told_is_numbered CHECK (state NOT IN ('withheld', 'held') OR number IS NULL),
	CONSTRAINT ck_delivery_purpose CHECK (purpose IN ('action', 'information')),
	CONSTRAINT ck_delivery_sending_has_lease CHECK (state <> 'sending' OR lease_until IS NOT NULL),
	CONSTRAINT ck_delivery_view CHECK ("view" IN ('full', 'risk', 'safety', 'pointer', 'existence', 'ended')),
	CONSTRAINT fk_delivery_notification_id FOREIGN KEY(notification_id) REFERENCES notification (id),
	CONSTRAINT fk_delivery_team_id FOREIGN KEY(team_id) REFERENCES team (id),
	CONSTRAINT pk_delivery PRIMARY KEY (id),
	CONSTRAINT uq_delivery_notification_id_team_id_cause UNIQUE (notification_id, team_id, cause),
	CONSTRAINT uq_delivery_team_id_number UNIQUE (team_id, number)
);
CREATE TABLE involvement (
	id VARCHAR(36) NOT NULL,
	team_id VARCHAR NOT NULL,
	person_id VARCHAR NOT NULL,
	function VARCHAR(40) NOT NULL,
	state VARCHAR(40) NOT NULL,
	since DATETIME NOT NULL,
	renewed_at DATETIME NOT NULL,
	ended_at DATETIME,
	evidence VARCHAR NOT NULL,
	notification_id VARCHAR(36),
	CONSTRAINT ck_involvement_involvement_function CHECK (function IN ('midwifery', 'health-visiting', 'family-nurse-partnership', 'school-nursing', 'neonatal', 'paediatrics', 'emergency-department', 'general-practice', 'child-health-information', 'mental-health', 'substance-misuse', 'probation', 'youth-justice', 'prison', 'police', 'childrens-social-care', 'emergency-duty-team', 'mash', 'early-help', 'housing', 'domestic-abuse', 'safeguarding-lead', 'partnership')),
	CONSTRAINT ck_involvement_involvement_state CHECK (state IN ('confirmed', 'unconfirmed', 'ended')),
	CONSTRAINT fk_involvement_notification_id FOREIGN KEY(notification_id) REFERENCES notification (id) DEFERRABLE INITIALLY DEFERRED,
	CONSTRAINT fk_involvement_person_id FOREIGN KEY(person_id) REFERENCES person (id),
	CONSTRAINT fk_involvement_team_id FOREIGN KEY(team_id) REFERENCES team (id),
	CONSTRAINT pk_involvement PRIMARY KEY (id)
);
CREATE TABLE membership (
	id VARCHAR(36) NOT NULL,
	household_id VARCHAR NOT NULL,
	person_id VARCHAR NOT NULL,
	standing VARCHAR(40) NOT NULL,
	state VARCHAR(40) NOT NULL,
	since DATE,
	until DATE,
	asserted_by VARCHAR NOT NULL,
	asserted_at DATETIME NOT NULL,
	notification_id VARCHAR(36), ended_at DATETIME,
	CONSTRAINT ck_membership_membership_state CHECK (state IN ('current', 'proposed', 'ended', 'rejected')),
	CONSTRAINT ck_membership_standing CHECK (standing IN ('lives', 'shared-care', 'will-live', 'left')),
	CONSTRAINT ck_membership_until_after_since CHECK (until IS NULL OR since IS NULL OR until >= since),
	CONSTRAINT fk_membership_asserted_by FOREIGN KEY(asserted_by) REFERENCES team (id),
	CONSTRAINT fk_membership_household_id FOREIGN KEY(household_id) REFERENCES household (id),
	CONSTRAINT fk_membership_notification_id FOREIGN KEY(notification_id) REFERENCES notification (id) DEFERRABLE INITIALLY DEFERRED,
	CONSTRAINT fk_membership_person_id FOREIGN KEY(person_id) REFERENCES person (id),
	CONSTRAINT pk_membership PRIMARY KEY (id)
);
CREATE TABLE subject (
	notification_id VARCHAR NOT NULL,
	person_id VARCHAR NOT NULL,
	named BOOLEAN NOT NULL,
	CONSTRAINT fk_subject_notification_id FOREIGN KEY(notification_id) REFERENCES notification (id),
	CONSTRAINT fk_subject_person_id FOREIGN KEY(person_id) REFERENCES person (id),
	CONSTRAINT pk_subject PRIMARY KEY (notification_id, person_id)
);
CREATE TABLE usedassertion (
	client_name VARCHAR NOT NULL,
	jti VARCHAR(128) NOT NULL,
	expires_at DATETIME NOT NULL,
	CONSTRAINT fk_usedassertion_client_name FOREIGN KEY(client_name) REFERENCES client (name),
	CONSTRAINT pk_usedassertion PRIMARY KEY (client_name, jti)
);
CREATE TABLE attempt (
	id VARCHAR(36) NOT NULL,
	delivery_id VARCHAR NOT NULL,
	at DATETIME NOT NULL,
	outcome VARCHAR(40) NOT NULL,
	detail VARCHAR NOT NULL, wire_id VARCHAR DEFAULT '' NOT NULL,
	CONSTRAINT ck_attempt_attempt_outcome CHECK (outcome IN ('taken', 'refused', 'unreachable', 'unanswered')),
	CONSTRAINT fk_attempt_delivery_id FOREIGN KEY(delivery_id) REFERENCES delivery (id),
	CONSTRAINT pk_attempt PRIMARY KEY (id)
);
CREATE TABLE task (
	id VARCHAR(36) NOT NULL,
	code VARCHAR(40) NOT NULL,
	status VARCHAR(40) NOT NULL,
	business_status VARCHAR,
	owner_team_id VARCHAR NOT NULL,
	requester_team_id VARCHAR,
	notification_id VARCHAR,
	delivery_id VARCHAR,
	part_of VARCHAR,
	person_id VARCHAR,
	household_id VARCHAR,
	priority VARCHAR(40) NOT NULL,
	reason_code VARCHAR,
	dedupe_key VARCHAR,
	content BLOB NOT NULL,
	policy_version VARCHAR NOT NULL,
	cites VARCHAR NOT NULL,
	authored_at DATETIME NOT NULL,
	due_at DATETIME,
	delivered_at DATETIME,
	opened_at DATETIME,
	answered_at DATETIME,
	changed_at DATETIME NOT NULL,
	version INTEGER NOT NULL, level INTEGER DEFAULT '0' NOT NULL, climbs_at DATETIME, clocks VARCHAR, rungs INTEGER, open_by DATETIME, remind_at DATETIME, covers_at DATETIME, progress_by DATETIME, deliver_within VARCHAR, deliver_by DATETIME, undelivered_at DATETIME,
	CONSTRAINT ck_task_agreed_action_has_due_date CHECK (code <> 'agreed-action' OR due_at IS NOT NULL),
	CONSTRAINT ck_task_rejected_has_reason CHECK (status <> 'rejected' OR reason_code IS NOT NULL),
	CONSTRAINT ck_task_task_code CHECK (code IN ('acknowledge', 'transfer', 'confirm-child', 'supply-information', 'agreed-action', 'expected-event', 'discuss-with-safeguarding-lead', 'pattern-review', 'confirm-household', 'confirm-involvement', 'release', 'resolve-address', 'resolve-identity', 'undeliverable', 'data-quality')),
	CONSTRAINT ck_task_task_priority CHECK (priority IN ('routine', 'urgent', 'asap', 'stat')),
	CONSTRAINT ck_task_task_status CHECK (status IN ('requested', 'received', 'accepted', 'rejected', 'in-progress', 'on-hold', 'completed', 'cancelled', 'entered-in-error')),
	CONSTRAINT fk_task_delivery_id FOREIGN KEY(delivery_id) REFERENCES delivery (id),
	CONSTRAINT fk_task_household_id FOREIGN KEY(household_id) REFERENCES household (id),
	CONSTRAINT fk_task_notification_id FOREIGN KEY(notification_id) REFERENCES notification (id),
	CONSTRAINT fk_task_owner_team_id FOREIGN KEY(owner_team_id) REFERENCES team (id),
	CONSTRAINT fk_task_part_of FOREIGN KEY(part_of) REFERENCES task (id),
	CONSTRAINT fk_task_person_id FOREIGN KEY(person_id) REFERENCES person (id),
	CONSTRAINT fk_task_requester_team_id FOREIGN KEY(requester_team_id) REFERENCES team (id),
	CONSTRAINT pk_task PRIMARY KEY (id),
	CONSTRAINT uq_task_dedupe_key UNIQUE (dedupe_key)
);
CREATE TABLE taskevent (
	id VARCHAR(36) NOT NULL,
	task_id VARCHAR NOT NULL,
	version INTEGER NOT NULL,
	move VARCHAR NOT NULL,
	at DATETIME NOT NULL,
	team_id VARCHAR,
	client_name VARCHAR,
	detail BLOB NOT NULL,
	CONSTRAINT fk_taskevent_task_id FOREIGN KEY(task_id) REFERENCES task (id),
	CONSTRAINT fk_taskevent_team_id FOREIGN KEY(team_id) REFERENCES team (id),
	CONSTRAINT pk_taskevent PRIMARY KEY (id),
	CONSTRAINT uq_taskevent_task_id_version UNIQUE (task_id, version)
);
CREATE TABLE auditseal (
	number BIGINT NOT NULL,
	size BIGINT NOT NULL,
	root BLOB NOT NULL,
	peaks BLOB NOT NULL,
	at DATETIME NOT NULL,
	complete BOOLEAN NOT NULL,
	"key" VARCHAR(16) NOT NULL,
	signature BLOB NOT NULL,
	CONSTRAINT pk_auditseal PRIMARY KEY (number),
	CONSTRAINT uq_auditseal_size UNIQUE (size)
);
CREATE TABLE auditleaf (
	position BIGINT NOT NULL,
	audit_id VARCHAR NOT NULL,
	hash BLOB NOT NULL,
	CONSTRAINT fk_auditleaf_audit_id FOREIGN KEY(audit_id) REFERENCES audit (id),
	CONSTRAINT pk_auditleaf PRIMARY KEY (position),
	CONSTRAINT uq_auditleaf_audit_id UNIQUE (audit_id)
);
CREATE TABLE responsibility (
	id VARCHAR(36) NOT NULL,
	person_id VARCHAR NOT NULL,
	function VARCHAR(40) NOT NULL,
	team_id VARCHAR,
	unheld VARCHAR(40),
	since DATETIME NOT NULL,
	until DATETIME,
	occurred_at DATETIME,
	held_by VARCHAR(40) NOT NULL,
	notification_id VARCHAR(36),
	task_id VARCHAR,
	previous_id VARCHAR(36),
	next_id VARCHAR(36),
	CONSTRAINT ck_responsibility_ends_at_a_successor CHECK ((until IS NULL) = (next_id IS NULL)),
	CONSTRAINT ck_responsibility_function_is_held CHECK (function IN ('midwifery', 'health-visiting', 'general-practice', 'mental-health', 'probation')),
	CONSTRAINT ck_responsibility_held_by CHECK (held_by IN ('registration', 'transfer', 'end', 'death', 'sealing', 'merging', 'correction')),
	CONSTRAINT ck_responsibility_holder_or_reason CHECK ((team_id IS NULL) = (unheld IS NOT NULL)),
	CONSTRAINT ck_responsibility_responsibility_function CHECK (function IN ('midwifery', 'health-visiting', 'family-nurse-partnership', 'school-nursing', 'neonatal', 'paediatrics', 'emergency-department', 'general-practice', 'child-health-information', 'mental-health', 'substance-misuse', 'probation', 'youth-justice', 'prison', 'police', 'childrens-social-care', 'emergency-duty-team', 'mash', 'early-help', 'housing', 'domestic-abuse', 'safeguarding-lead', 'partnership')),
	CONSTRAINT ck_responsibility_unheld CHECK (unheld IN ('not-known', 'not-registered', 'elsewhere', 'discharged', 'ended', 'pregnancy-ended', 'died', 'sealed', 'merged')),
	CONSTRAINT ck_responsibility_until_after_since CHECK (until IS NULL OR until >= since),
	CONSTRAINT fk_responsibility_next_id_id FOREIGN KEY(next_id, id) REFERENCES responsibility (id, previous_id) DEFERRABLE INITIALLY DEFERRED,
	CONSTRAINT fk_responsibility_notification_id FOREIGN KEY(notification_id) REFERENCES notification (id) DEFERRABLE INITIALLY DEFERRED,
	CONSTRAINT fk_responsibility_person_id FOREIGN KEY(person_id) REFERENCES person (id),
	CONSTRAINT fk_responsibility_previous_id_person_id_function_since FOREIGN KEY(previous_id, person_id, function, since) REFERENCES responsibility (id, person_id, function, until),
	CONSTRAINT fk_responsibility_task_id FOREIGN KEY(task_id) REFERENCES task (id),
	CONSTRAINT fk_responsibility_team_id FOREIGN KEY(team_id) REFERENCES team (id),
	CONSTRAINT pk_responsibility PRIMARY KEY (id),
	CONSTRAINT uq_responsibility_id_person_id_function_until UNIQUE (id, person_id, function, until),
	CONSTRAINT uq_responsibility_id_previous_id UNIQUE (id, previous_id),
	CONSTRAINT uq_responsibility_previous_id UNIQUE (previous_id)
);
CREATE TABLE "audit" (
	id VARCHAR(36) NOT NULL,
	at DATETIME NOT NULL,
	action VARCHAR NOT NULL,
	outcome VARCHAR NOT NULL,
	client_name VARCHAR,
	team_id VARCHAR,
	entity VARCHAR NOT NULL,
	entity_id VARCHAR,
	detail JSON NOT NULL,
	unsealed BOOLEAN DEFAULT (true) NOT NULL,
	CONSTRAINT pk_audit PRIMARY KEY (id)
);
CREATE TABLE channelhealth (
	team_id VARCHAR NOT NULL,
	failures INTEGER NOT NULL,
	failing_since DATETIME,
	paused_until DATETIME,
	send_from DATETIME,
	delivered_at DATETIME,
	canary_id VARCHAR(36),
	canary_sent_at DATETIME,
	canary_at DATETIME,
	looked_at DATETIME,
	CONSTRAINT fk_channelhealth_team_id FOREIGN KEY(team_id) REFERENCES team (id),
	CONSTRAINT pk_channelhealth PRIMARY KEY (team_id)
);
CREATE TABLE expectation (
	id VARCHAR(36) NOT NULL,
	rule VARCHAR(64) NOT NULL,
	person_id VARCHAR NOT NULL,
	anchor VARCHAR NOT NULL,
	notification_id VARCHAR NOT NULL,
	owed_by VARCHAR NOT NULL,
	state VARCHAR(40) NOT NULL,
	since VARCHAR NOT NULL,
	after_seconds BIGINT NOT NULL,
	not_before DATETIME,
	due_at DATETIME NOT NULL,
	looks_at DATETIME,
	alerts INTEGER NOT NULL,
	task_id VARCHAR,
	met_by VARCHAR,
	ended_because VARCHAR,
	policy_version VARCHAR NOT NULL,
	opened_at DATETIME NOT NULL,
	ended_at DATETIME,
	CONSTRAINT ck_expectation_expectation_state CHECK (state IN ('waiting', 'missed', 'met', 'met-late', 'answered', 'ended')),
	CONSTRAINT ck_expectation_met_by_something CHECK ((state IN ('met', 'met-late')) = (met_by IS NOT NULL)),
	CONSTRAINT ck_expectation_met_in_time_was_not_missed CHECK (state <> 'met' OR alerts = 0),
	CONSTRAINT ck_expectation_missed_has_task CHECK (state <> 'missed' OR (alerts > 0 AND task_id IS NOT NULL)),
	CONSTRAINT ck_expectation_open_has_no_end CHECK ((state IN ('waiting', 'missed')) = (ended_at IS NULL)),
	CONSTRAINT ck_expectation_open_is_looked_at CHECK ((state IN ('waiting', 'missed')) = (looks_at IS NOT NULL)),
	CONSTRAINT fk_expectation_met_by FOREIGN KEY(met_by) REFERENCES notification (id),
	CONSTRAINT fk_expectation_notification_id FOREIGN KEY(notification_id) REFERENCES notification (id),
	CONSTRAINT fk_expectation_person_id FOREIGN KEY(person_id) REFERENCES person (id),
	CONSTRAINT fk_expectation_task_id FOREIGN KEY(task_id) REFERENCES task (id),
	CONSTRAINT pk_expectation PRIMARY KEY (id),
	CONSTRAINT uq_expectation_rule_person_id_anchor UNIQUE (rule, person_id, anchor)
);
CREATE TABLE pulse (
	name VARCHAR(64) NOT NULL,
	at DATETIME NOT NULL,
	found JSON NOT NULL,
	late_seconds FLOAT NOT NULL,
	late_at DATETIME,
	CONSTRAINT pk_pulse PRIMARY KEY (name)
);
CREATE TABLE practitioner (
	id VARCHAR(64) NOT NULL,
	team_id VARCHAR NOT NULL,
	details BLOB NOT NULL,
	cover_id VARCHAR(64),
	absent_from DATETIME,
	absent_until DATETIME,
	shift_ends DATETIME,
	left_at DATETIME,
	hands_back_at DATETIME,
	CONSTRAINT fk_practitioner_team_id FOREIGN KEY(team_id) REFERENCES team (id),
	CONSTRAINT pk_practitioner PRIMARY KEY (team_id, id)
);
CREATE TABLE "area" (
	id VARCHAR(64) NOT NULL,
	name VARCHAR NOT NULL,
	nation VARCHAR(40) DEFAULT 'england' NOT NULL,
	CONSTRAINT ck_area_nation CHECK (nation IN ('england', 'wales', 'scotland', 'northern-ireland')),
	CONSTRAINT pk_area PRIMARY KEY (id)
);
CREATE TABLE "team" (
	id VARCHAR(64) NOT NULL,
	agency_id VARCHAR NOT NULL,
	function VARCHAR(40) NOT NULL,
	name VARCHAR NOT NULL,
	ods_code VARCHAR,
	area_id VARCHAR,
	telephone VARCHAR,
	closed_at DATETIME,
	honours_marks BOOLEAN NOT NULL,
	executive BOOLEAN DEFAULT false NOT NULL,
	hours VARCHAR,
	CONSTRAINT ck_team_function CHECK (function IN ('midwifery', 'health-visiting', 'family-nurse-partnership', 'school-nursing', 'neonatal', 'paediatrics', 'emergency-department', 'general-practice', 'child-health-information', 'mental-health', 'substance-misuse', 'probation', 'youth-justice', 'prison', 'police', 'childrens-social-care', 'emergency-duty-team', 'mash', 'early-help', 'housing', 'domestic-abuse', 'safeguarding-lead', 'partnership')),
	CONSTRAINT fk_team_agency_id FOREIGN KEY(agency_id) REFERENCES agency (id),
	CONSTRAINT fk_team_area_id FOREIGN KEY(area_id) REFERENCES area (id),
	CONSTRAINT pk_team PRIMARY KEY (id)
);
CREATE TABLE "escalation" (
	id VARCHAR(36) NOT NULL,
	task_id VARCHAR NOT NULL,
	level INTEGER NOT NULL,
	due_at DATETIME NOT NULL,
	rung VARCHAR NOT NULL,
	team_id VARCHAR,
	at DATETIME NOT NULL,
	channel VARCHAR(40),
	CONSTRAINT ck_escalation_escalation_channel CHECK (channel IN ('mailbox', 'webhook', 'amqp', 'email', 'mesh')),
	CONSTRAINT fk_escalation_task_id FOREIGN KEY(task_id) REFERENCES task (id),
	CONSTRAINT fk_escalation_team_id FOREIGN KEY(team_id) REFERENCES team (id),
	CONSTRAINT pk_escalation PRIMARY KEY (id),
	CONSTRAINT uq_escalation_task_id_due_at_level UNIQUE (task_id, due_at, level)
);
CREATE TABLE pattern (
	id VARCHAR(36) NOT NULL,
	rule VARCHAR(64) NOT NULL,
	household_id VARCHAR,
	person_id VARCHAR,
	policy_version VARCHAR NOT NULL,
	opened_at DATETIME NOT NULL,
	told_at DATETIME NOT NULL,
	closed_at DATETIME,
	outcome VARCHAR(40),
	CONSTRAINT ck_pattern_closed_has_outcome CHECK ((closed_at IS NULL) = (outcome IS NULL)),
	CONSTRAINT ck_pattern_household_or_person CHECK ((household_id IS NULL) <> (person_id IS NULL)),
	CONSTRAINT fk_pattern_household_id FOREIGN KEY(household_id) REFERENCES household (id),
	CONSTRAINT fk_pattern_person_id FOREIGN KEY(person_id) REFERENCES person (id),
	CONSTRAINT pk_pattern PRIMARY KEY (id)
);
CREATE TABLE patternevidence (
	pattern_id VARCHAR NOT NULL,
	notification_id VARCHAR NOT NULL,
	added_at DATETIME NOT NULL,
	withdrawn_at DATETIME,
	CONSTRAINT fk_patternevidence_notification_id FOREIGN KEY(notification_id) REFERENCES notification (id),
	CONSTRAINT fk_patternevidence_pattern_id FOREIGN KEY(pattern_id) REFERENCES pattern (id),
	CONSTRAINT pk_patternevidence PRIMARY KEY (pattern_id, notification_id)
);
CREATE TABLE patterntask (
	pattern_id VARCHAR NOT NULL,
	task_id VARCHAR NOT NULL,
	CONSTRAINT fk_patterntask_pattern_id FOREIGN KEY(pattern_id) REFERENCES pattern (id),
	CONSTRAINT fk_patterntask_task_id FOREIGN KEY(task_id) REFERENCES task (id),
	CONSTRAINT pk_patterntask PRIMARY KEY (pattern_id, task_id),
	CONSTRAINT uq_patterntask_task_id UNIQUE (task_id)
);
CREATE TABLE patternflag (
	id VARCHAR(36) NOT NULL,
	pattern_id VARCHAR NOT NULL,
	person_id VARCHAR NOT NULL,
	team_id VARCHAR NOT NULL,
	notification_id VARCHAR NOT NULL,
	opened_at DATETIME NOT NULL,
	withdrawn_at DATETIME,
	CONSTRAINT fk_patternflag_notification_id FOREIGN KEY(notification_id) REFERENCES notification (id),
	CONSTRAINT fk_patternflag_pattern_id FOREIGN KEY(pattern_id) REFERENCES pattern (id),
	CONSTRAINT fk_patternflag_person_id FOREIGN KEY(person_id) REFERENCES person (id),
	CONSTRAINT fk_patternflag_team_id FOREIGN KEY(team_id) REFERENCES team (id),
	CONSTRAINT pk_patternflag PRIMARY KEY (id)
);
CREATE TABLE patternlook (
	rule VARCHAR(64) NOT NULL,
	person_id VARCHAR NOT NULL,
	at DATETIME NOT NULL,
	CONSTRAINT fk_patternlook_person_id FOREIGN KEY(person_id) REFERENCES person (id),
	CONSTRAINT pk_patternlook PRIMARY KEY (rule, person_id)
);
CREATE TABLE patterndue (
	notification_id VARCHAR(36) NOT NULL,
	at DATETIME NOT NULL,
	changed JSON NOT NULL,
	CONSTRAINT fk_patterndue_notification_id FOREIGN KEY(notification_id) REFERENCES notification (id),
	CONSTRAINT pk_patterndue PRIMARY KEY (notification_id)
);
CREATE TABLE account (
	id VARCHAR(64) NOT NULL,
	subject_blind VARCHAR(64) NOT NULL,
	details BLOB NOT NULL,
	scopes VARCHAR NOT NULL,
	revoked_at DATETIME, issuer VARCHAR,
	CONSTRAINT pk_account PRIMARY KEY (id),
	CONSTRAINT uq_account_subject_blind UNIQUE (subject_blind)
);
CREATE TABLE seat (
	account_id VARCHAR(64) NOT NULL,
	team_id VARCHAR(64) NOT NULL,
	practitioner_id VARCHAR(64) NOT NULL,
	CONSTRAINT fk_seat_account_id FOREIGN KEY(account_id) REFERENCES account (id),
	CONSTRAINT fk_seat_team_id_practitioner_id FOREIGN KEY(team_id, practitioner_id) REFERENCES practitioner (team_id, id),
	CONSTRAINT pk_seat PRIMARY KEY (account_id, team_id)
);
CREATE TABLE pagesession (
	digest VARCHAR(64) NOT NULL,
	account_id VARCHAR(64) NOT NULL,
	team_id VARCHAR(64),
	begun_at DATETIME NOT NULL,
	seen_at DATETIME NOT NULL, proved_at DATETIME,
	CONSTRAINT fk_pagesession_account_id FOREIGN KEY(account_id) REFERENCES account (id),
	CONSTRAINT pk_pagesession PRIMARY KEY (digest)
);
CREATE TABLE lookup (
	id VARCHAR(36) NOT NULL,
	notification_id VARCHAR NOT NULL,
	team_id VARCHAR NOT NULL,
	client VARCHAR(64) NOT NULL,
	blind VARCHAR(64) NOT NULL,
	asks BLOB NOT NULL,
	state VARCHAR(40) NOT NULL,
	asked_at DATETIME NOT NULL,
	next_at DATETIME,
	attempts INTEGER NOT NULL,
	last VARCHAR NOT NULL,
	told_at DATETIME,
	ended_at DATETIME, kept_id VARCHAR(36),
	CONSTRAINT ck_lookup_lookup_state CHECK (state IN ('waiting', 'answered', 'needless', 'unknown', 'ambiguous', 'refused')),
	CONSTRAINT ck_lookup_waiting_has_no_end CHECK ((state = 'waiting') = (ended_at IS NULL)),
	CONSTRAINT ck_lookup_waiting_is_asked CHECK ((state = 'waiting') = (next_at IS NOT NULL)),
	CONSTRAINT fk_lookup_notification_id FOREIGN KEY(notification_id) REFERENCES notification (id),
	CONSTRAINT fk_lookup_team_id FOREIGN KEY(team_id) REFERENCES team (id),
	CONSTRAINT pk_lookup PRIMARY KEY (id)
);
CREATE TABLE rereading (
	notification_id VARCHAR(36) NOT NULL,
	attempts INTEGER NOT NULL,
	at DATETIME NOT NULL,
	standing VARCHAR NOT NULL,
	faults JSON NOT NULL,
	became_id VARCHAR,
	CONSTRAINT fk_rereading_became_id FOREIGN KEY(became_id) REFERENCES notification (id),
	CONSTRAINT fk_rereading_notification_id FOREIGN KEY(notification_id) REFERENCES notification (id),
	CONSTRAINT pk_rereading PRIMARY KEY (notification_id)
);
CREATE TABLE "channel" (
	team_id VARCHAR NOT NULL,
	kind VARCHAR(40) NOT NULL,
	url VARCHAR,
	secret BLOB,
	changed_at DATETIME NOT NULL,
	disabled_at DATETIME,
	rate_per_second FLOAT,
	format VARCHAR(40) DEFAULT 'fhir' NOT NULL,
	CONSTRAINT ck_channel_channel_kind CHECK (kind IN ('mailbox', 'webhook', 'amqp', 'email', 'mesh')),
	CONSTRAINT ck_channel_message_format CHECK (format IN ('fhir', 'native')),
	CONSTRAINT fk_channel_team_id FOREIGN KEY(team_id) REFERENCES team (id),
	CONSTRAINT pk_channel PRIMARY KEY (team_id)
);
CREATE TABLE keyepoch (
	number BIGINT NOT NULL,
	fingerprint BLOB NOT NULL,
	activated_at DATETIME NOT NULL,
	done_at DATETIME,
	progress JSON NOT NULL,
	unreadable INTEGER NOT NULL,
	forgotten_at DATETIME,
	CONSTRAINT pk_keyepoch PRIMARY KEY (number)
);
CREATE TABLE policyversion (
	id VARCHAR(36) NOT NULL,
	version VARCHAR(64) NOT NULL,
	text VARCHAR NOT NULL,
	reason VARCHAR NOT NULL,
	state VARCHAR(40) NOT NULL,
	base_version VARCHAR(64) NOT NULL,
	effect JSON NOT NULL,
	proposed_by VARCHAR(128) NOT NULL,
	proposed_at DATETIME NOT NULL,
	decided_by VARCHAR(128),
	decided_at DATETIME,
	decision VARCHAR NOT NULL,
	CONSTRAINT ck_policyversion_policy_state CHECK (state IN ('proposed', 'active', 'superseded', 'rejected')),
	CONSTRAINT ck_policyversion_two_people CHECK (decided_by IS NULL OR state = 'rejected' OR decided_by <> proposed_by),
	CONSTRAINT pk_policyversion PRIMARY KEY (id),
	CONSTRAINT uq_policyversion_version UNIQUE (version)
);
CREATE TABLE breakglass (
	id VARCHAR(36) NOT NULL,
	account_id VARCHAR(64) NOT NULL,
	team_id VARCHAR(64) NOT NULL,
	household_id VARCHAR(36) NOT NULL,
	reason VARCHAR NOT NULL,
	details BLOB NOT NULL,
	begun_at DATETIME NOT NULL,
	until DATETIME NOT NULL,
	CONSTRAINT fk_breakglass_account_id FOREIGN KEY(account_id) REFERENCES account (id),
	CONSTRAINT fk_breakglass_household_id FOREIGN KEY(household_id) REFERENCES household (id),
	CONSTRAINT fk_breakglass_team_id FOREIGN KEY(team_id) REFERENCES team (id),
	CONSTRAINT pk_breakglass PRIMARY KEY (id)
);
CREATE TABLE "client" (
	name VARCHAR(64) NOT NULL,
	team_id VARCHAR,
	jwks JSON NOT NULL,
	scopes VARCHAR NOT NULL,
	revoked_at DATETIME,
	issuer VARCHAR,
	subject VARCHAR, certificate_bound BOOLEAN DEFAULT false NOT NULL,
	CONSTRAINT fk_client_team_id FOREIGN KEY(team_id) REFERENCES team (id),
	CONSTRAINT pk_client PRIMARY KEY (name),
	CONSTRAINT uq_client_issuer_subject UNIQUE (issuer, subject)
);
CREATE TABLE legalhold (
	id VARCHAR(64) NOT NULL,
	person_id VARCHAR,
	notification_id VARCHAR,
	details BLOB NOT NULL,
	placed_by VARCHAR NOT NULL,
	placed_at DATETIME NOT NULL,
	lifted_by VARCHAR,
	lifted_at DATETIME,
	CONSTRAINT ck_legalhold_lifted_by_somebody CHECK ((lifted_at IS NULL) = (lifted_by IS NULL)),
	CONSTRAINT ck_legalhold_person_or_notification CHECK ((person_id IS NULL) <> (notification_id IS NULL)),
	CONSTRAINT fk_legalhold_notification_id FOREIGN KEY(notification_id) REFERENCES notification (id),
	CONSTRAINT fk_legalhold_person_id FOREIGN KEY(person_id) REFERENCES person (id),
	CONSTRAINT pk_legalhold PRIMARY KEY (id)
);
CREATE TABLE subjectrequest (
	id VARCHAR(36) NOT NULL,
	person_id VARCHAR NOT NULL,
	state VARCHAR NOT NULL,
	details BLOB NOT NULL,
	made_by VARCHAR NOT NULL,
	made_at DATETIME NOT NULL,
	decided_by VARCHAR,
	decided_at DATETIME,
	export BLOB,
	CONSTRAINT ck_subjectrequest_decided_by_somebody CHECK ((state = 'waiting') = (decided_by IS NULL)),
	CONSTRAINT ck_subjectrequest_released_has_export CHECK (export IS NULL OR state = 'released'),
	CONSTRAINT ck_subjectrequest_state CHECK (state IN ('waiting', 'released', 'refused')),
	CONSTRAINT ck_subjectrequest_two_people CHECK (decided_by IS NULL OR decided_by <> made_by),
	CONSTRAINT fk_subjectrequest_person_id FOREIGN KEY(person_id) REFERENCES person (id),
	CONSTRAINT pk_subjectrequest PRIMARY KEY (id)
);
CREATE INDEX ix_accesstoken_client_name ON accesstoken (client_name);
CREATE INDEX ix_accesstoken_expires_at ON accesstoken (expires_at);
CREATE INDEX ix_address_person_id ON address (person_id);
CREATE INDEX ix_address_place ON address (place_blind);
CREATE INDEX ix_areapostcode_area_id ON areapostcode (area_id);
CREATE INDEX ix_attempt_delivery_id ON attempt (delivery_id);
CREATE INDEX ix_audit_at ON audit (at);
CREATE INDEX ix_audit_entity_id ON audit (entity_id);
CREATE INDEX ix_audit_search ON audit (at) WHERE action = 'search';
CREATE INDEX ix_audit_team ON audit (team_id, at, id);
CREATE INDEX ix_audit_unsealed ON audit (at, id) WHERE unsealed;
CREATE INDEX ix_breakglass_household_id ON breakglass (household_id);
CREATE INDEX ix_breakglass_live ON breakglass (account_id, household_id, until);
CREATE INDEX ix_client_team_id ON client (team_id);
CREATE INDEX ix_coverage_team_id ON coverage (team_id);
CREATE INDEX ix_delivery_due ON delivery (team_id, next_attempt_at, number) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX ix_delivery_unnumbered ON delivery (team_id) WHERE number IS NULL AND state NOT IN ('withheld', 'held', 'cancelled');
CREATE INDEX ix_delivery_waiting ON delivery (team_id, number) WHERE state IN ('ready', 'sending', 'parked', 'sent');
CREATE INDEX ix_delivery_withheld ON delivery (created_at, id) WHERE state = 'withheld';
CREATE INDEX ix_escalation_team_id ON escalation (team_id);
CREATE INDEX ix_expectation_looks ON expectation (looks_at) WHERE looks_at IS NOT NULL;
CREATE INDEX ix_expectation_met_by ON expectation (met_by);
CREATE INDEX ix_expectation_notification_id ON expectation (notification_id);
CREATE INDEX ix_expectation_open ON expectation (person_id) WHERE state IN ('waiting', 'missed');
CREATE INDEX ix_expectation_task_id ON expectation (task_id);
CREATE INDEX ix_handover_open ON task (authored_at, id) WHERE NOT (code NOT IN ('acknowledge', 'transfer') OR requester_team_id IS NULL OR status NOT IN ('requested', 'received', 'in-progress', 'on-hold'));
CREATE INDEX ix_identifier_lookup ON identifier (system, blind);
CREATE INDEX ix_identifier_person_id ON identifier (person_id);
CREATE INDEX ix_involvement_person_id ON involvement (person_id);
CREATE INDEX ix_involvement_team_id ON involvement (team_id);
CREATE INDEX ix_legalhold_notification ON legalhold (notification_id) WHERE lifted_at IS NULL;
CREATE INDEX ix_legalhold_person ON legalhold (person_id) WHERE lifted_at IS NULL;
CREATE INDEX ix_lookup_next ON lookup (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX ix_lookup_notification_id ON lookup (notification_id);
CREATE INDEX ix_membership_household_id ON membership (household_id);
CREATE INDEX ix_membership_person_id ON membership (person_id);
CREATE INDEX ix_notification_event ON notification (event);
CREATE INDEX ix_notification_kept ON notification (event, received_at) WHERE shredded_at IS NULL;
CREATE INDEX ix_notification_received_at ON notification (received_at);
CREATE INDEX ix_notification_reference_id ON notification (reference_id);
CREATE INDEX ix_pagesession_account_id ON pagesession (account_id);
CREATE INDEX ix_pagesession_seen_at ON pagesession (seen_at);
CREATE INDEX ix_pattern_household ON pattern (household_id);
CREATE INDEX ix_pattern_person ON pattern (person_id);
CREATE INDEX ix_patterndue_at ON patterndue (at);
CREATE INDEX ix_patternevidence_notification_id ON patternevidence (notification_id);
CREATE INDEX ix_patternflag_held ON patternflag (team_id, person_id);
CREATE INDEX ix_patternflag_person_id ON patternflag (person_id);
CREATE INDEX ix_patternlook_at ON patternlook (at);
CREATE INDEX ix_person_born ON person (born);
CREATE INDEX ix_person_expected ON person (expected) WHERE state = 'unborn';
CREATE INDEX ix_person_merged ON person (merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX ix_person_name_blind ON person (name_blind);
CREATE INDEX ix_person_review ON person (review_at, created_at) WHERE erased_at IS NULL AND merged_into IS NULL;
CREATE INDEX ix_practitioner_hands_back ON practitioner (hands_back_at) WHERE hands_back_at IS NOT NULL;
CREATE INDEX ix_relationship_person_id ON relationship (person_id);
CREATE INDEX ix_relationship_to_person_id ON relationship (to_person_id);
CREATE INDEX ix_responsibility_notification ON responsibility (notification_id);
CREATE INDEX ix_responsibility_person ON responsibility (person_id, function);
CREATE INDEX ix_responsibility_team_id ON responsibility (team_id);
CREATE INDEX ix_subject_person_id ON subject (person_id);
CREATE INDEX ix_subjectrequest_made_at ON subjectrequest (made_at);
CREATE INDEX ix_subjectrequest_person_id ON subjectrequest (person_id);
CREATE INDEX ix_task_authored_at ON task (authored_at);
CREATE INDEX ix_task_changed_at ON task (changed_at);
CREATE INDEX ix_task_climbs ON task (climbs_at) WHERE climbs_at IS NOT NULL;
CREATE INDEX ix_task_covers ON task (covers_at) WHERE covers_at IS NOT NULL;
CREATE INDEX ix_task_notification_id ON task (notification_id);
CREATE INDEX ix_task_of_home ON task (household_id) WHERE notification_id IS NULL AND household_id IS NOT NULL;
CREATE INDEX ix_task_of_transfer ON task (person_id) WHERE code IN ('transfer', 'confirm-child');
CREATE INDEX ix_task_open ON task (owner_team_id, due_at) WHERE status NOT IN ('completed', 'rejected', 'cancelled', 'entered-in-error');
CREATE INDEX ix_task_owner_team_id ON task (owner_team_id);
CREATE INDEX ix_task_part_of ON task (part_of);
CREATE INDEX ix_task_past_step ON task (climbs_at) WHERE climbs_at IS NOT NULL AND status NOT IN ('completed', 'rejected', 'cancelled', 'entered-in-error') AND (climbs_at > coalesce(progress_by, due_at) OR (climbs_at > remind_at AND (status <> 'accepted' OR code = 'agreed-action')) OR (climbs_at > open_by AND opened_at IS NULL AND status IN ('requested', 'received')));
CREATE INDEX ix_task_person_id ON task (person_id);
CREATE INDEX ix_task_requester_team_id ON task (requester_team_id);
CREATE INDEX ix_task_unclimbed ON task (due_at) WHERE climbs_at IS NULL AND due_at IS NOT NULL AND status NOT IN ('completed', 'rejected', 'cancelled', 'entered-in-error');
CREATE INDEX ix_task_untimed ON task (deliver_by) WHERE deliver_by IS NOT NULL AND undelivered_at IS NULL AND delivered_at IS NULL AND opened_at IS NULL AND status = 'requested' AND (climbs_at IS NULL OR climbs_at > deliver_by);
CREATE INDEX ix_team_agency_id ON team (agency_id);
CREATE INDEX ix_team_area_id ON team (area_id);
CREATE INDEX ix_team_function ON team (function);
CREATE INDEX ix_team_ods_code ON team (ods_code);
CREATE INDEX ix_usedassertion_expires_at ON usedassertion (expires_at);
CREATE TRIGGER audit_not_changed BEFORE UPDATE OF id, at, action, outcome, client_name, team_id, entity, entity_id, detail ON audit BEGIN SELECT RAISE(ABORT, 'the audit is insert-only'); END;
CREATE TRIGGER audit_not_removed BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is insert-only'); END;
CREATE TRIGGER audit_sealed_stays BEFORE UPDATE OF unsealed ON audit WHEN NEW.unsealed AND NOT OLD.unsealed BEGIN SELECT RAISE(ABORT, 'the audit is insert-only'); END;
CREATE TRIGGER auditleaf_not_changed BEFORE UPDATE OF position, audit_id, hash ON auditleaf BEGIN SELECT RAISE(ABORT, 'the audit is insert-only'); END;
CREATE TRIGGER auditleaf_not_removed BEFORE DELETE ON auditleaf BEGIN SELECT RAISE(ABORT, 'the audit is insert-only'); END;
CREATE TRIGGER auditseal_not_changed BEFORE UPDATE OF number, size, root, peaks, at, complete, key, signature ON auditseal BEGIN SELECT RAISE(ABORT, 'the audit is insert-only'); END;
CREATE TRIGGER auditseal_not_removed BEFORE DELETE ON auditseal BEGIN SELECT RAISE(ABORT, 'the audit is insert-only'); END;
CREATE UNIQUE INDEX uq_identifier_binding ON identifier (system, blind) WHERE binding;
CREATE UNIQUE INDEX uq_involvement_open ON involvement (team_id, person_id) WHERE state <> 'ended';
CREATE UNIQUE INDEX uq_lookup_open ON lookup (team_id, client, blind) WHERE state = 'waiting';
CREATE UNIQUE INDEX uq_membership_open ON membership (household_id, person_id) WHERE state IN ('current', 'proposed');
CREATE UNIQUE INDEX uq_notification_identity ON notification (sender_team_id, message_id) WHERE state <> 'refused';
CREATE UNIQUE INDEX uq_notification_refused ON notification (sender_team_id, content_hash) WHERE state = 'refused';
CREATE UNIQUE INDEX uq_pattern_open_household ON pattern (household_id, rule) WHERE closed_at IS NULL AND household_id IS NOT NULL;
CREATE UNIQUE INDEX uq_pattern_open_person ON pattern (person_id, rule) WHERE closed_at IS NULL AND person_id IS NOT NULL;
CREATE UNIQUE INDEX uq_patternflag_open ON patternflag (pattern_id, person_id, team_id) WHERE withdrawn_at IS NULL;
CREATE UNIQUE INDEX uq_policy_version_active ON policyversion (state) WHERE state = 'active';
CREATE UNIQUE INDEX uq_responsibility_first ON responsibility (person_id, function) WHERE previous_id IS NULL;
CREATE UNIQUE INDEX uq_responsibility_now ON responsibility (person_id, function) WHERE until IS NULL;
INSERT INTO alembic_version VALUES ('0029');
