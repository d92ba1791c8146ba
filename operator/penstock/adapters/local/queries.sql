-- Every statement that is run against the database, by name. Python refers to names and holds no SQL of its own.

-- name: next_version
-- Take the next resourceVersion.
UPDATE sequence SET value = value + 1 RETURNING value;

-- name: newest_version
-- The newest resourceVersion that was given out.
SELECT value FROM sequence;

-- name: find_object
-- One object by its key.
SELECT body FROM objects WHERE kind = :kind AND namespace = :namespace AND name = :name;

-- name: list_objects_by_name
-- The objects of a kind, of one namespace or of all, by name.
SELECT body FROM objects WHERE kind = :kind AND (:namespace IS NULL OR namespace = :namespace)
ORDER BY namespace, name;

-- name: list_objects_oldest_first
-- The objects of a kind, of one namespace or of all, in the order of their creation.
SELECT body FROM objects WHERE kind = :kind AND (:namespace IS NULL OR namespace = :namespace)
ORDER BY born;

-- name: list_objects_newest_first
-- The newest objects of a kind, of one namespace or of all.
SELECT body FROM objects WHERE kind = :kind AND (:namespace IS NULL OR namespace = :namespace)
ORDER BY born DESC LIMIT :limit;

-- name: list_objects_of_run
-- The objects of a kind that belong to a run, in the order of their creation.
SELECT body FROM objects WHERE run_uid = :run_uid AND kind = :kind ORDER BY born;

-- name: find_run_with_key
-- Name of the run of a Workflow (NULL for inline runs) that has an idempotency key.
SELECT name FROM objects
WHERE kind = 'WorkflowRun' AND namespace = :namespace AND json_extract(body, '$.spec.idempotencyKey') = :key
AND json_extract(body, '$.spec.workflow.name') IS :workflow;

-- name: list_runs_with_cached
-- Runs of a Workflow, less one, in which a step succeeded on what a digest stands for; the newest output first.
SELECT body FROM (
    SELECT body, uid, json_extract(body, '$.status.steps."' || :step || '"') AS status FROM objects
    WHERE kind = :kind AND namespace = :namespace AND json_extract(body, '$.spec.workflow.name') = :workflow
)
WHERE uid <> :uid
AND json_extract(status, '$.cacheDigest') = :digest AND json_extract(status, '$.phase') = 'Succeeded'
ORDER BY COALESCE(json_extract(status, '$.cached.finishedAt'), json_extract(status, '$.finishedAt')) DESC LIMIT 8;

-- name: state_of_kind
-- The newest resourceVersion of a kind's objects, and their number: differs after every change to them.
SELECT COALESCE(MAX(resource_version), 0), COUNT(*) FROM objects WHERE kind = :kind;

-- name: insert_object
-- Add an object unless its key is taken; returns nothing where it is.
INSERT INTO objects (kind, namespace, name, uid, resource_version, born, run, run_uid, finished, body)
VALUES (:kind, :namespace, :name, :uid, :version, :version, :run, :run_uid, :finished, :body)
ON CONFLICT (kind, namespace, name) DO NOTHING
RETURNING uid;

-- name: replace_object
-- Write an object if nobody wrote since it was read; returns nothing where somebody did or it is gone.
UPDATE objects SET resource_version = :version, finished = :finished, body = :body
WHERE kind = :kind AND namespace = :namespace AND name = :name AND uid = :uid AND resource_version = :read_version
RETURNING uid;

-- name: finish_object
-- Give an unfinished object a status with which nothing more happens to it.
UPDATE objects SET
finished = 1, resource_version = :version,
body = json_set(body, '$.status', json(:status), '$.metadata.resourceVersion', CAST(:version AS TEXT))
WHERE kind = :kind AND namespace = :namespace AND name = :name AND finished = 0;

-- name: list_unfinished_runs
-- Keys of the runs that something may still happen to: not finished, or finished with an attempt still open.
SELECT namespace, name FROM objects WHERE kind = 'WorkflowRun' AND finished = 0
UNION
SELECT namespace, run FROM attempts WHERE outcome IS NULL;

-- name: list_unfinished_objects
-- The objects of a kind of a namespace that something may still happen to, in the order of their creation.
SELECT body FROM objects WHERE kind = :kind AND namespace = :namespace AND finished = 0 ORDER BY born;

-- name: list_finished_runs
-- The finished runs that are no steps of others, each with its place in the order of creation, from some place on.
SELECT born, body FROM objects
WHERE kind = 'WorkflowRun' AND finished = 1 AND born > :after AND json_extract(body, '$.spec.parent') IS NULL
ORDER BY born LIMIT :limit;

-- name: list_runs_among
-- Which of these UIDs (a JSON list) are those of runs.
SELECT uid FROM objects WHERE kind = 'WorkflowRun' AND uid IN (SELECT value FROM json_each(:uids));

-- name: list_family_of_run
-- UIDs of a run and of all runs below it, with name and whether it is finished.
WITH RECURSIVE family (uid) AS (
SELECT :run_uid
UNION
SELECT child.uid FROM objects AS child JOIN family ON json_extract(child.body, '$.spec.parent.uid') = family.uid
WHERE child.kind = 'WorkflowRun' AND json_extract(child.body, '$.spec.parent.uid') IS NOT NULL
)
SELECT objects.uid, objects.name, objects.finished FROM objects JOIN family ON objects.uid = family.uid;

-- name: find_retry_of
-- Name of an unfinished run that retries a run.
SELECT name FROM objects
WHERE kind = 'WorkflowRun' AND finished = 0 AND namespace = :namespace AND json_extract(body, '$.spec.retryOf') = :name;

-- name: list_touched_workflows
-- Keys of the Workflows that were written after a resourceVersion.
SELECT namespace, name FROM objects WHERE kind = 'Workflow' AND resource_version > :version;

-- name: list_touched_runs
-- Keys of the runs that were written, or had an object written, after a resourceVersion.
SELECT DISTINCT namespace, run FROM objects WHERE resource_version > :version AND run IS NOT NULL;

-- name: insert_revision
-- Keep a content of a Workflow; harmless when it is kept already.
INSERT INTO revisions (namespace, name, digest, spec) VALUES (:namespace, :name, :digest, :spec)
ON CONFLICT (namespace, name) DO NOTHING;

-- name: list_idle_revisions
-- The contents of Workflows that no run names; none of a namespace in which a run is about to be pinned to one.
SELECT namespace, name FROM revisions
WHERE NOT EXISTS (
SELECT 1 FROM objects WHERE kind = 'WorkflowRun' AND objects.namespace = revisions.namespace AND finished = 0
AND json_extract(body, '$.spec.workflow') IS NOT NULL AND json_extract(body, '$.status.revision') IS NULL
) AND (namespace, name) NOT IN (
SELECT namespace, json_extract(body, '$.status.revision.name') FROM objects
WHERE kind = 'WorkflowRun' AND json_extract(body, '$.status.revision') IS NOT NULL
) AND (namespace, name) NOT IN (
SELECT namespace, json_extract(body, '$.spec.workflow.revision') FROM objects
WHERE kind = 'WorkflowRun' AND json_extract(body, '$.spec.workflow.revision') IS NOT NULL
);

-- name: delete_revision
-- Forget a content of a Workflow.
DELETE FROM revisions WHERE namespace = :namespace AND name = :name;

-- name: find_revision
-- One content of a Workflow.
SELECT digest, spec FROM revisions WHERE namespace = :namespace AND name = :name;

-- name: insert_attempt
-- The fence: write an attempt down unless one of its name is there; returns nothing where it is.
INSERT INTO attempts (namespace, name, uid, run, run_uid, step, attempt, batch, digest, nonce)
VALUES (:namespace, :name, :uid, :run, :run_uid, :step, :attempt, :batch, :digest, :nonce)
ON CONFLICT (namespace, name) DO NOTHING
RETURNING name;

-- name: find_attempt
-- One attempt by its name.
SELECT namespace, name, uid, run, run_uid, step, attempt, batch, digest, nonce, outcome FROM attempts
WHERE namespace = :namespace AND name = :name;

-- name: find_attempt_of_run
-- One attempt of a run.
SELECT namespace, name, uid, run, run_uid, step, attempt, batch, digest, nonce, outcome FROM attempts
WHERE run_uid = :run_uid AND step = :step AND attempt = :attempt AND batch IS :batch;

-- name: list_attempts_of_run
-- The attempts of a run, less those of batches that ended and are not among the names that are awaited (a JSON list).
SELECT namespace, name, uid, run, run_uid, step, attempt, batch, digest, nonce, outcome FROM attempts
WHERE run_uid = :run_uid AND batch IS NULL
UNION ALL
SELECT namespace, name, uid, run, run_uid, step, attempt, batch, digest, nonce, outcome FROM attempts
WHERE run_uid = :run_uid AND batch IS NOT NULL AND outcome IS NULL
UNION ALL
SELECT namespace, name, uid, run, run_uid, step, attempt, batch, digest, nonce, outcome FROM attempts
WHERE namespace = :namespace AND name IN (SELECT value FROM json_each(:awaited))
AND run_uid = :run_uid AND batch IS NOT NULL AND outcome IS NOT NULL;

-- name: find_open_attempt
-- An attempt of a run that has not ended, as far as anybody wrote down.
SELECT name FROM attempts WHERE run_uid = :run_uid AND outcome IS NULL LIMIT 1;

-- name: delete_attempts_of_run
-- Forget the attempts of a run.
DELETE FROM attempts WHERE run_uid = :run_uid;

-- name: delete_objects_of_run
-- Remove a run and what belongs to it.
DELETE FROM objects WHERE run_uid = :run_uid;

-- name: end_attempt
-- Write down how an attempt ended; the first word counts.
UPDATE attempts SET outcome = :outcome WHERE namespace = :namespace AND name = :name AND outcome IS NULL;

-- name: insert_output
-- Keep an output of a run; harmless when it is kept already.
INSERT INTO outputs (run_uid, name, body) VALUES (:run_uid, :name, :body)
ON CONFLICT (run_uid, name) DO NOTHING;

-- name: find_output
-- One output of a run.
SELECT body FROM outputs WHERE run_uid = :run_uid AND name = :name;
