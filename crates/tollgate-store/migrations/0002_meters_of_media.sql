-- Meters of pictures and sound.
-- A binary before this migration leaves the columns out, so each has a default.

ALTER TABLE rollups ADD COLUMN cached_audio_input_tokens BIGINT NOT NULL DEFAULT 0;
ALTER TABLE rollups ADD COLUMN image_input_tokens BIGINT NOT NULL DEFAULT 0;
ALTER TABLE rollups ADD COLUMN image_output_tokens BIGINT NOT NULL DEFAULT 0;
ALTER TABLE rollups ADD COLUMN audio_input_seconds BIGINT NOT NULL DEFAULT 0;
ALTER TABLE rollups ADD COLUMN input_characters BIGINT NOT NULL DEFAULT 0;
